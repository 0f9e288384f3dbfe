/* Random streams: seeds of episodes, and orders of a rollout; called by ppo_cli/kernels/streams.py. */
#include "export.h"
#include "members.h"
#include "random.h"

/* seeds [count]: the reset seeds of episodes [count] of environments [count]; see ppo_cli.rng.episode_seed. */
EXPORT void episode_seeds(const uint32_t *run_seed, int64_t words, uint64_t stream, int64_t count, const int64_t *envs,
                          const int64_t *episodes, uint64_t *seeds) {
  for (int64_t i = 0; i < count; i++)
    seeds[i] = episode_seed(run_seed, words, stream, (uint64_t)envs[i], (uint64_t)episodes[i]);
}

/* The generators at (stream, index) of `count` runs: generators [count]. seeds: see members.h. */
EXPORT void stream_generators(int64_t count, const RunSeed seeds[2], uint64_t stream, uint64_t index,
                              Generator *generators) {
  const uint64_t address[2] = {stream, index};
  for (int64_t m = 0; m < count; m++) {
    const RunSeed *seed = &AT(RunSeed, seeds, m);
    uint32_t pool[POOL_WORDS];
    stream_pool(pool, seed->words, *seed->count, address, 2);
    seed_generator(&generators[m], pool);
  }
}

/* An order of 0, 1, ..., size - 1: Fisher and Yates, from the last place down. */
static void shuffle(Halves *halves, int64_t size, int64_t *order) {
  for (int64_t i = 0; i < size; i++) order[i] = i;
  for (int64_t i = size - 1; i > 0; i--) {
    const int64_t other = next_up_to(halves, (uint32_t)i), last = order[i];
    order[i] = order[other], order[other] = last;
  }
}

/* Orders for each of `count` runs from `first` on: orders [M, num_orders, size], size below 2^32.
 *
 * Generator.permuted(..., axis=1) of the generator at (stream, index), as ppo_cli/learn/minibatches.py has it.
 * seeds: see members.h.
 */
EXPORT void permutations(int64_t first, int64_t count, const RunSeed seeds[2], uint64_t stream, uint64_t index,
                         int64_t num_orders, int64_t size, int64_t *orders) {
  const uint64_t address[2] = {stream, index};
  for (int64_t m = first; m < first + count; m++) {
    const RunSeed *seed = &AT(RunSeed, seeds, m);
    uint32_t pool[POOL_WORDS];
    Halves halves = {.has_upper = 0};
    stream_pool(pool, seed->words, *seed->count, address, 2);
    seed_generator(&halves.generator, pool);
    for (int64_t e = 0; e < num_orders; e++) shuffle(&halves, size, orders + (m * num_orders + e) * size);
  }
}
