/* One environment of any kind: which it is, its reset and its step. */
#ifndef PPO_ENVIRONMENT_H
#define PPO_ENVIRONMENT_H

#include "physics.h"

/* What environments of one kind have in common. Mirrored in ppo_cli/kernels/environments.py. */
typedef struct {
  int64_t kind;       /* CART_POLE ... */
  int64_t obs_size;   /* O */
  int64_t step_limit; /* steps after which an episode is cut; 0 for never */
  double argument;    /* of the constructor */
} Environment;

static inline void reset_one(int64_t kind, double *state, Generator *generator, float *obs) {
  switch (kind) {
    case CART_POLE: cart_pole_reset(state, generator, obs); break;
    case PENDULUM: pendulum_reset(state, generator, obs); break;
    case ACROBOT: acrobot_reset(state, generator, obs); break;
    case MOUNTAIN_CAR: mountain_car_reset(state, generator, obs); break;
    case MOUNTAIN_CAR_CONTINUOUS: mountain_car_continuous_reset(state, generator, obs); break;
    default: break;
  }
}

/* Actions are int64 [R], or float32 [R, 1]; that of `row` is taken. */
static inline Outcome step_one(const Environment *environment, double *state, const void *actions, int64_t row,
                               float *obs) {
  const double argument = environment->argument;
  const int64_t *choices = actions;
  const float *forces = actions;
  switch (environment->kind) {
    case CART_POLE: return cart_pole_step(state, choices[row], argument, obs);
    case PENDULUM: return pendulum_step(state, forces + row, argument, obs);
    case ACROBOT: return acrobot_step(state, choices[row], obs);
    case MOUNTAIN_CAR: return mountain_car_step(state, choices[row], argument, obs);
    case MOUNTAIN_CAR_CONTINUOUS: return mountain_car_continuous_step(state, forces + row, argument, obs);
    default: return (Outcome){0.0, 0};
  }
}

#endif
