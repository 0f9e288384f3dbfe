/* The classic-control environments: one reset and one step of each, equal to Gymnasium's to the bit.
 *
 * Gymnasium computes with Python's and NumPy's numbers. Bits are equal because every operation is done here in the same
 * order and precision, without contraction to fused multiply-adds, and because sin, cos and pow are the platform's.
 * Where Gymnasium mixes float32 with Python's numbers NumPy rounds to float32 at once (its NEP 50); a cast says so.
 *
 * An environment is a state of four doubles; what they are stands above each step. An argument is the one that its
 * constructor takes: sutton_barto_reward, g or goal_velocity.
 */
#ifndef PPO_PHYSICS_H
#define PPO_PHYSICS_H

#include <math.h>
#include <stdint.h>

#include "random.h"

enum { CART_POLE, PENDULUM, ACROBOT, MOUNTAIN_CAR, MOUNTAIN_CAR_CONTINUOUS, NUM_ENVIRONMENTS };
enum { STATE_SIZE = 4 };

/* Math.h has no pi in strict C. */
static const double PI = 3.14159265358979323846;

typedef struct {
  double reward;
  int terminated;
} Outcome;

/* NumPy squares a scalar with pow, whose last bit is not always that of x * x; the compiler must not know the 2. */
static volatile const double two = 2.0;
static volatile const float two_float = 2.0f;
static inline double square(double x) { return pow(x, two); }

/* numpy.clip: NaN stays NaN. */
static inline double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* ------------------------------------------------------------------------------------------------ CartPole */
/* state: x, x_dot, theta, theta_dot */

static inline void cart_pole_obs(const double *state, float *obs) {
  for (int i = 0; i < 4; i++) obs[i] = (float)state[i];
}

static inline void cart_pole_reset(double *state, Generator *generator, float *obs) {
  for (int i = 0; i < 4; i++) state[i] = next_uniform(generator, -0.05, 0.05);
  cart_pole_obs(state, obs);
}

static inline Outcome cart_pole_step(double *state, int64_t action, double sutton_barto_reward, float *obs) {
  const double gravity = 9.8, mass_pole = 0.1, total_mass = mass_pole + 1.0, length = 0.5, tau = 0.02;
  const double pole_mass_length = mass_pole * length, x_limit = 2.4, theta_limit = 12 * 2 * PI / 360;
  const double x = state[0], x_dot = state[1], theta = state[2], theta_dot = state[3];
  const double force = action == 1 ? 10.0 : -10.0, cosine = cos(theta), sine = sin(theta);

  const double temp = (force + pole_mass_length * (theta_dot * theta_dot) * sine) / total_mass;
  const double theta_acc =
      (gravity * sine - cosine * temp) / (length * (4.0 / 3.0 - mass_pole * (cosine * cosine) / total_mass));
  const double x_acc = temp - pole_mass_length * theta_acc * cosine / total_mass;
  state[0] = x + tau * x_dot;
  state[1] = x_dot + tau * x_acc;
  state[2] = theta + tau * theta_dot;
  state[3] = theta_dot + tau * theta_acc;
  cart_pole_obs(state, obs);

  int terminated = state[0] < -x_limit || state[0] > x_limit || state[2] < -theta_limit || state[2] > theta_limit;
  double reward = sutton_barto_reward != 0.0 ? (terminated ? -1.0 : 0.0) : 1.0;
  return (Outcome){reward, terminated};
}

/* ------------------------------------------------------------------------------------------------ Pendulum */
/* state: theta, theta_dot */

static inline void pendulum_obs(const double *state, float *obs) {
  obs[0] = (float)cos(state[0]);
  obs[1] = (float)sin(state[0]);
  obs[2] = (float)state[1];
}

static inline void pendulum_reset(double *state, Generator *generator, float *obs) {
  state[0] = next_uniform(generator, -PI, PI);
  state[1] = next_uniform(generator, -1.0, 1.0);
  pendulum_obs(state, obs);
}

/* Python's x % y for y > 0: the remainder has the sign of y. */
static inline double modulo(double x, double y) {
  double rest = fmod(x, y);
  return rest < 0 ? rest + y : rest == 0 ? 0.0 : rest;
}

static inline Outcome pendulum_step(double *state, const float *action, double g, float *obs) {
  const double dt = 0.05, theta = state[0], theta_dot = state[1];
  const float torque = (float)clip(action[0], -2.0, 2.0);
  const double angle = modulo(theta + PI, 2 * PI) - PI;
  const float effort = 0.001f * powf(torque, two_float);
  const double cost = square(angle) + 0.1 * square(theta_dot) + effort;

  double new_theta_dot = theta_dot + (3 * g / 2.0 * sin(theta) + 3.0f * torque) * dt;
  new_theta_dot = clip(new_theta_dot, -8.0, 8.0);
  state[0] = theta + new_theta_dot * dt;
  state[1] = new_theta_dot;
  pendulum_obs(state, obs);
  return (Outcome){-cost, 0};
}

/* ------------------------------------------------------------------------------------------------- Acrobot */
/* state: theta1, theta2, dtheta1, dtheta2 */

/* NumPy's float32 sin and cos for |x| < pi/4: polynomials with fused multiply-adds (Acrobot's fresh state is float32,
 * and within 0.1). From numpy/_core/src/umath/loops_trigonometric.dispatch. */
static inline float small_sin(float x) {
  const float square = x * x;
  float poly = fmaf(0x1.7d3bbcp-19f, square, -0x1.a06bbap-13f);
  poly = fmaf(poly, square, 0x1.11119ap-07f);
  poly = fmaf(poly, square, -0x1.555556p-03f);
  poly = poly * square;
  return fmaf(poly, x, x);
}

static inline float small_cos(float x) {
  const float square = x * x;
  float poly = fmaf(0x1.98e616p-16f, square, -0x1.6c06dcp-10f);
  poly = fmaf(poly, square, 0x1.55553cp-05f);
  poly = fmaf(poly, square, -0x1.000000p-01f);
  return fmaf(poly, square, 0x1.000000p+00f);
}

static inline void acrobot_reset(double *state, Generator *generator, float *obs) {
  float fresh[4];
  for (int i = 0; i < 4; i++) state[i] = fresh[i] = (float)next_uniform(generator, -0.1, 0.1);
  obs[0] = small_cos(fresh[0]), obs[1] = small_sin(fresh[0]);
  obs[2] = small_cos(fresh[1]), obs[3] = small_sin(fresh[1]);
  obs[4] = fresh[2], obs[5] = fresh[3];
}

/* The time derivative of the state, by the equations of Sutton and Barto's book; links of length and mass 1, centres
 * of mass in the middle, moments of inertia 1. */
static inline void acrobot_derivative(const double *state, double torque, double *derivative) {
  const double g = 9.8, theta1 = state[0], theta2 = state[1], dtheta1 = state[2], dtheta2 = state[3];
  const double cos2 = cos(theta2), sin2 = sin(theta2);
  const double d1 = 0.25 + (1.25 + cos2) + 1.0 + 1.0;
  const double d2 = 0.25 + 0.5 * cos2 + 1.0;
  const double phi2 = 0.5 * g * cos(theta1 + theta2 - PI / 2.0);
  const double phi1 = -0.5 * square(dtheta2) * sin2 - 1.0 * dtheta2 * dtheta1 * sin2 +
                      1.5 * g * cos(theta1 - PI / 2) + phi2;
  const double ddtheta2 =
      (torque + d2 / d1 * phi1 - 0.5 * square(dtheta1) * sin2 - phi2) / (1.25 - square(d2) / d1);
  derivative[0] = dtheta1;
  derivative[1] = dtheta2;
  derivative[2] = -(d2 * ddtheta2 + phi1) / d1;
  derivative[3] = ddtheta2;
}

/* An angle within [-pi, pi], by whole turns as Gymnasium takes them. One step turns by less than two; what is farther
 * away is no state of this environment, and must not turn for ever. */
static inline double wrap(double angle) {
  for (int turns = 0; angle > PI && turns < 1000; turns++) angle -= 2 * PI;
  for (int turns = 0; angle < -PI && turns < 1000; turns++) angle += 2 * PI;
  return angle;
}

static inline Outcome acrobot_step(double *state, int64_t action, float *obs) {
  const double dt = 0.2, torque = (double)(action - 1);
  double k1[4], k2[4], k3[4], k4[4], between[4]; /* Runge and Kutta's method of fourth order */
  acrobot_derivative(state, torque, k1);
  for (int i = 0; i < 4; i++) between[i] = state[i] + dt / 2.0 * k1[i];
  acrobot_derivative(between, torque, k2);
  for (int i = 0; i < 4; i++) between[i] = state[i] + dt / 2.0 * k2[i];
  acrobot_derivative(between, torque, k3);
  for (int i = 0; i < 4; i++) between[i] = state[i] + dt * k3[i];
  acrobot_derivative(between, torque, k4);
  for (int i = 0; i < 4; i++) state[i] = state[i] + dt / 6.0 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
  state[0] = wrap(state[0]);
  state[1] = wrap(state[1]);
  state[2] = clip(state[2], -(4 * PI), 4 * PI);
  state[3] = clip(state[3], -(9 * PI), 9 * PI);

  const double cos1 = cos(state[0]);
  obs[0] = (float)cos1, obs[1] = (float)sin(state[0]);
  obs[2] = (float)cos(state[1]), obs[3] = (float)sin(state[1]);
  obs[4] = (float)state[2], obs[5] = (float)state[3];
  int terminated = -cos1 - cos(state[1] + state[0]) > 1.0;
  return (Outcome){terminated ? 0.0 : -1.0, terminated};
}

/* --------------------------------------------------------------------------------------------- MountainCar */
/* state: position, velocity */

static inline void mountain_car_reset(double *state, Generator *generator, float *obs) {
  state[0] = next_uniform(generator, -0.6, -0.4);
  state[1] = 0.0;
  obs[0] = (float)state[0], obs[1] = 0.0f;
}

static inline Outcome mountain_car_step(double *state, int64_t action, double goal_velocity, float *obs) {
  double position = state[0], velocity = state[1];
  velocity += (double)(action - 1) * 0.001 + cos(3 * position) * -0.0025;
  velocity = clip(velocity, -0.07, 0.07);
  position = clip(position + velocity, -1.2, 0.6);
  if (position == -1.2 && velocity < 0) velocity = 0.0;
  state[0] = position, state[1] = velocity;
  obs[0] = (float)position, obs[1] = (float)velocity;
  return (Outcome){-1.0, position >= 0.5 && velocity >= goal_velocity};
}

/* ----------------------------------------------------------------------------------- MountainCarContinuous */
/* state: position, velocity, fresh (1 until the first step: only then is Gymnasium's state not float32) */

static inline void mountain_car_continuous_reset(double *state, Generator *generator, float *obs) {
  mountain_car_reset(state, generator, obs);
  state[2] = 1.0;
}

/* What is added to the velocity. Within [-1, 1] the action is float32, and so is what it takes part in; beyond it the
 * bound takes its place, a Python number. */
static inline double mountain_car_push(float action, double slope) {
  if (action < -1.0f) return -1.0 * 0.0015 - slope;
  if (action > 1.0f) return 1.0 * 0.0015 - slope;
  return action * 0.0015f - (float)slope;
}

static inline Outcome mountain_car_continuous_step(double *state, const float *action, double goal_velocity,
                                                   float *obs) {
  int terminated;
  if (state[2] != 0.0) {
    double position = state[0], velocity = state[1];
    velocity = clip(velocity + mountain_car_push(action[0], 0.0025 * cos(3 * position)), -0.07, 0.07);
    position = clip(position + velocity, -1.2, 0.6);
    if (position == -1.2 && velocity < 0) velocity = 0.0;
    terminated = position >= 0.45 && velocity >= goal_velocity;
    obs[0] = (float)position, obs[1] = (float)velocity;
  } else {
    float position = (float)state[0], velocity = (float)state[1];
    velocity += (float)mountain_car_push(action[0], 0.0025 * cos(3 * position));
    velocity = (float)clip(velocity, -0.07f, 0.07f);
    position += velocity;
    position = (float)clip(position, -1.2f, 0.6f);
    if (position == -1.2f && velocity < 0) velocity = 0.0f;
    terminated = position >= 0.45f && velocity >= (float)goal_velocity;
    obs[0] = position, obs[1] = velocity;
  }
  state[0] = obs[0], state[1] = obs[1], state[2] = 0.0;
  return (Outcome){(terminated ? 100.0 : 0.0) - pow(action[0], two) * 0.1, terminated};
}

#endif
