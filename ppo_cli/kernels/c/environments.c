/* R environments of one kind, reset and stepped together; called by ppo_cli/kernels/environments.py.
 *
 * Rows never meet: what becomes of one does not depend on the others. Arrays belong to the caller and are contiguous.
 */
#include "environment.h"
#include "export.h"

/* Start an episode in some environments.
 *
 * rows [count]: which; seeds [count], or NULL: each goes on with the generator that it has, as reset() without a seed.
 * state [R, 4], generators [R], lengths [R] (steps since the reset), obs [R, O] are written in these rows.
 */
EXPORT void reset_environments(const Environment *environment, int64_t count, const int64_t *rows,
                               const uint64_t *seeds, double *state, Generator *generators, int64_t *lengths,
                               float *obs) {
  for (int64_t i = 0; i < count; i++) {
    const int64_t row = rows[i];
    if (seeds) seed_with_number(&generators[row], seeds[i]);
    reset_one(environment->kind, state + row * STATE_SIZE, &generators[row], obs + row * environment->obs_size);
    lengths[row] = 0;
  }
}

/* Take a step in each environment where mask [R] is not 0, and leave the others untouched.
 *
 * actions: int64 [R], or float32 [R, 1]. rewards [R], terminated [R] and truncated [R] are 0 where nothing was done.
 */
EXPORT void step_environments(const Environment *environment, int64_t num_rows, const uint8_t *mask,
                              const void *actions, double *state, int64_t *lengths, float *obs, double *rewards,
                              uint8_t *terminated, uint8_t *truncated) {
  for (int64_t row = 0; row < num_rows; row++) {
    rewards[row] = 0.0, terminated[row] = 0, truncated[row] = 0;
    if (!mask[row]) continue;
    Outcome outcome =
        step_one(environment, state + row * STATE_SIZE, actions, row, obs + row * environment->obs_size);
    lengths[row]++;
    rewards[row] = outcome.reward;
    terminated[row] = (uint8_t)outcome.terminated;
    truncated[row] = environment->step_limit > 0 && lengths[row] >= environment->step_limit;
  }
}
