/* NumPy's random numbers: SeedSequence, PCG64, doubles and uniform distributions, equal to the bit.
 *
 * SeedSequence: O'Neill (2015), "Developing a seed_seq alternative", as in numpy/random/bit_generator.pyx.
 * PCG64: O'Neill (2014), "PCG: a family of simple fast space-efficient statistically good algorithms for random
 * number generation", the variant XSL-RR with 128 bits of state.
 */
#ifndef PPO_RANDOM_H
#define PPO_RANDOM_H

#include <stdint.h>

enum { POOL_WORDS = 4, MAX_SEED_WORDS = 16 };

typedef unsigned __int128 uint128;

/* ------------------------------------------------------------------------------------------ SeedSequence */

static inline uint32_t hash_word(uint32_t value, uint32_t *constant, uint32_t multiplier) {
  value ^= *constant;
  *constant *= multiplier;
  value *= *constant;
  return value ^ (value >> 16);
}

static inline uint32_t mix_words(uint32_t x, uint32_t y) {
  uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
  return mixed ^ (mixed >> 16);
}

/* SeedSequence(words): the pool of four words into which all of `words` [count] are mixed. */
static inline void seed_pool(uint32_t pool[POOL_WORDS], const uint32_t *words, int64_t count) {
  const uint32_t multiplier = 0x931e8875u;
  uint32_t constant = 0x43b0d7e5u;
  for (int64_t i = 0; i < POOL_WORDS; i++) pool[i] = hash_word(i < count ? words[i] : 0, &constant, multiplier);
  for (int64_t from = 0; from < POOL_WORDS; from++)
    for (int64_t to = 0; to < POOL_WORDS; to++)
      if (from != to) pool[to] = mix_words(pool[to], hash_word(pool[from], &constant, multiplier));
  for (int64_t from = POOL_WORDS; from < count; from++)
    for (int64_t to = 0; to < POOL_WORDS; to++)
      pool[to] = mix_words(pool[to], hash_word(words[from], &constant, multiplier));
}

/* SeedSequence.generate_state(count, numpy.uint64). */
static inline void generate_state(const uint32_t pool[POOL_WORDS], uint64_t *out, int64_t count) {
  uint32_t constant = 0x8b51f9ddu;
  for (int64_t i = 0; i < 2 * count; i++) {
    uint64_t word = hash_word(pool[i % POOL_WORDS], &constant, 0x58f38dedu);
    out[i / 2] = i % 2 ? out[i / 2] | word << 32 : word;
  }
}

/* The words of 32 bits of a number, least first, as SeedSequence takes an integer; returns how many: one or two. */
static inline int64_t put_words(uint32_t *words, uint64_t number) {
  words[0] = (uint32_t)number;
  words[1] = (uint32_t)(number >> 32);
  return number >> 32 ? 2 : 1;
}

/* The seed of a run. */
typedef struct {
  const uint32_t *words; /* [count], least first; at most MAX_SEED_WORDS - 6 */
  const int64_t *count;
} RunSeed;

/* The pool of ppo_cli.rng's stream at an address: SeedSequence(run_seed, spawn_key=address), at most 3 numbers.
 *
 * run_seed [count]: the words of the run's seed, at most MAX_SEED_WORDS - 6.
 */
static inline void stream_pool(uint32_t pool[POOL_WORDS], const uint32_t *run_seed, int64_t count,
                               const uint64_t *address, int64_t numbers) {
  uint32_t words[MAX_SEED_WORDS] = {0};
  for (int64_t i = 0; i < count; i++) words[i] = run_seed[i];
  if (count < POOL_WORDS) count = POOL_WORDS; /* a spawn key starts behind a whole pool */
  for (int64_t i = 0; i < numbers; i++) count += put_words(words + count, address[i]);
  seed_pool(pool, words, count);
}

/* ppo_cli.rng.episode_seed: the reset seed of an episode, below 2**63. */
static inline uint64_t episode_seed(const uint32_t *run_seed, int64_t count, uint64_t stream, uint64_t env,
                                    uint64_t episode) {
  const uint64_t address[3] = {stream, env, episode};
  uint32_t pool[POOL_WORDS];
  uint64_t seed;
  stream_pool(pool, run_seed, count, address, 3);
  generate_state(pool, &seed, 1);
  return seed >> 1;
}

/* ----------------------------------------------------------------------------------------------- PCG64 */

/* A generator between calls, in halves, least first: any array of 64-bit words can hold it. */
typedef struct {
  uint64_t state[2], increment[2];
} Generator;

static inline uint128 join(const uint64_t halves[2]) { return (uint128)halves[1] << 64 | halves[0]; }

static inline void split(uint64_t halves[2], uint128 number) {
  halves[0] = (uint64_t)number;
  halves[1] = (uint64_t)(number >> 64);
}

static inline uint128 pcg64_step(uint128 state, uint128 increment) {
  const uint128 multiplier = (uint128)2549297995355413924u << 64 | 4865540595714422341u;
  return state * multiplier + increment;
}

/* numpy.random.PCG64(pool) */
static inline void seed_generator(Generator *generator, const uint32_t pool[POOL_WORDS]) {
  uint64_t seed[4];
  generate_state(pool, seed, 4);
  uint128 start = (uint128)seed[0] << 64 | seed[1];
  uint128 increment = ((uint128)seed[2] << 64 | seed[3]) << 1 | 1;
  uint128 state = pcg64_step(pcg64_step(0, increment) + start, increment);
  split(generator->state, state);
  split(generator->increment, increment);
}

/* numpy.random.PCG64(SeedSequence(seed)) */
static inline void seed_with_number(Generator *generator, uint64_t seed) {
  uint32_t words[2], pool[POOL_WORDS];
  seed_pool(pool, words, put_words(words, seed));
  seed_generator(generator, pool);
}

static inline uint64_t next_uint64(Generator *generator) {
  uint128 state = pcg64_step(join(generator->state), join(generator->increment));
  split(generator->state, state);
  uint64_t folded = (uint64_t)(state >> 64) ^ (uint64_t)state;
  unsigned turn = (unsigned)(state >> 122);
  return folded >> turn | folded << (-turn & 63);
}

/* Generator.random(): from [0, 1), with 53 random bits. */
static inline double next_double(Generator *generator) {
  return (double)(next_uint64(generator) >> 11) * (1.0 / 9007199254740992.0);
}

/* Generator.uniform(low, high) */
static inline double next_uniform(Generator *generator, double low, double high) {
  return low + (high - low) * next_double(generator);
}

/* A generator and the half of a number of 64 bits that it still has: NumPy gives 32 bits at a time, the lower first. */
typedef struct {
  Generator generator;
  uint32_t upper;
  int has_upper;
} Halves;

static inline uint32_t next_uint32(Halves *halves) {
  if (halves->has_upper) {
    halves->has_upper = 0;
    return halves->upper;
  }
  const uint64_t both = next_uint64(&halves->generator);
  halves->upper = (uint32_t)(both >> 32), halves->has_upper = 1;
  return (uint32_t)both;
}

/* A number from 0 to `last` < 2^32, all as likely: as many bits as `last` has, drawn again where they are more. */
static inline uint32_t next_up_to(Halves *halves, uint32_t last) {
  if (last == 0) return 0;
  const uint32_t bits = UINT32_MAX >> __builtin_clz(last);
  uint32_t value;
  do value = next_uint32(halves) & bits;
  while (value > last);
  return value;
}

#endif
