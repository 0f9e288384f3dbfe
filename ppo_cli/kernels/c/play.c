/* Playing: T steps of a member's N environments with its policy, without a return to Python between the steps.
 *
 * What Python does step by step (ppo_cli/envs/member_envs.py, ppo_cli/learn/rollout.py), in the same order and to
 * the same bits: episodes begin with the same seeds, an episode's end is followed by a filler in which the next one
 * begins, and whole episodes begin only where the longest would fit.
 */
#include <string.h>

#include "actor.h"
#include "environment.h"
#include "members.h"

enum { AS_IT_IS, BENT, SCALED }; /* how a sampled number becomes an action: not, by tanh into the bounds, or scaled */
enum { ENDLESSLY, WHOLE_EPISODES, ONE_EPISODE }; /* which episodes begin: all, those that fit, none */

/* What is played. */
typedef struct {
  Environment environment; /* its step_limit cuts episodes */
  int64_t num_steps, num_envs; /* T, N */
  int64_t episodes;            /* one of the three above */
  int64_t group_size;          /* environments side by side that start alike, and whole episodes together */
  uint64_t stream; /* what the episodes are for */
  int64_t sending; /* AS_IT_IS ... */
  float low, high; /* bounds of an action that is a number */
} Game;

/* How observations become inputs: (obs - mean) inverse_std, within +-clip; mean is NULL where they are inputs. */
typedef struct {
  const float *mean, *inverse_std; /* [O] */
  const float *clip;
} Normalizer;

/* Where the environments stand, [N] each; changed in place. */
typedef struct {
  double *state;     /* [N, 4] */
  float *obs;        /* [N, O] */
  int64_t *episodes; /* which episode */
  int64_t *lengths;  /* steps since its reset */
  double *returns;   /* rewards since its reset */
  uint8_t *pending;  /* 1 where the last step ended it */
} Places;

/* What is kept of the steps, [T, N] each; NULL is left out. */
typedef struct {
  float *raw_obs, *obs; /* [T + 1, N, O]; the same address where nothing is normalised */
  void *actions;        /* as sampled, int64 or float */
  void *sent;           /* as the environment got them */
  float *rewards;
  double *exact_rewards; /* before they are rounded to float */
  uint8_t *terminated, *truncated, *mask, *idle;
} Steps;

/* The episodes that ended, in the order of step and environment. */
typedef struct {
  int64_t *count;                         /* how many; at most T N */
  int64_t *step, *env, *episode, *length; /* [count] */
  double *episode_return;                 /* [count] */
  uint8_t *terminated;                    /* [count] */
} Ended;

/* The bytes of memory that `play` needs beside that of its actor. */
EXPORT int64_t play_scratch(const Network *net, int64_t num_envs) {
  Memory memory = memory_at(NULL);
  take(&memory, num_envs * net->obs_size);
  take(&memory, 2 * num_envs * net->num_actions); /* an int64 is two floats long */
  take(&memory, 2 * num_envs * net->num_actions);
  take(&memory, num_envs);
  return memory.bytes;
}

static void normalize(const Normalizer *normalizer, const float *raw, int64_t num_envs, int64_t obs_size, float *out) {
  for (int64_t n = 0; n < num_envs; n++)
    for (int64_t o = 0; o < obs_size; o++) {
      const int64_t i = n * obs_size + o;
      const float value = (raw[i] - normalizer->mean[o]) * normalizer->inverse_std[o];
      out[i] = value > *normalizer->clip ? *normalizer->clip : value < -*normalizer->clip ? -*normalizer->clip : value;
    }
}

/* A number as the environment gets it: finite, for a policy that diverged must not reach the physics, and in bounds. */
static float send(const Game *game, float sampled) {
  float value = sampled;
  if (game->sending == BENT) value = bent(sampled);
  if (game->sending != AS_IT_IS) value = game->low + (game->high - game->low) * value;
  if (value != value) value = 0.0f;
  return value < game->low ? game->low : value > game->high ? game->high : value;
}

static void send_all(const Network *net, const Game *game, const void *sampled, void *sent) {
  if (net->distribution == CATEGORICAL) {
    memcpy(sent, sampled, sizeof(int64_t) * (size_t)game->num_envs);
    return;
  }
  for (int64_t n = 0; n < game->num_envs; n++) ((float *)sent)[n] = send(game, ((const float *)sampled)[n]);
}

/* Marks the environments that take part in step t; returns how many. */
static int64_t choose_active(const Game *game, const Places *places, int64_t t, uint8_t *active) {
  const int64_t left = game->num_steps - t, size = game->group_size;
  int64_t count = 0;
  for (int64_t first = 0; first < game->num_envs; first += size) {
    int begins = game->episodes == ENDLESSLY;
    if (game->episodes == WHOLE_EPISODES && left > game->environment.step_limit) { /* the reset takes a step too */
      begins = 1;
      for (int64_t n = first; n < first + size; n++) begins &= places->pending[n];
    }
    for (int64_t n = first; n < first + size; n++) {
      active[n] = (uint8_t)(begins || !places->pending[n]);
      count += active[n];
    }
  }
  return count;
}

static void begin_episode(const Game *game, const RunSeed *seed, const Places *places, int64_t n) {
  Generator generator;
  places->episodes[n]++;
  places->lengths[n] = 0, places->returns[n] = 0.0, places->pending[n] = 0;
  seed_with_number(&generator, episode_seed(seed->words, *seed->count, game->stream,
                                            (uint64_t)(n / game->group_size), (uint64_t)places->episodes[n]));
  reset_one(game->environment.kind, places->state + n * STATE_SIZE, &generator,
            places->obs + n * game->environment.obs_size);
}

static void note_end(const Places *places, int64_t t, int64_t n, int terminated, const Ended *ended) {
  const int64_t i = (*ended->count)++;
  places->pending[n] = 1;
  ended->step[i] = t, ended->env[i] = n;
  ended->episode[i] = places->episodes[n], ended->length[i] = places->lengths[n];
  ended->episode_return[i] = places->returns[n], ended->terminated[i] = (uint8_t)terminated;
}

/* One step of environment n; what it was is written to place i of `steps`. */
static void step_environment(const Game *game, const RunSeed *seed, const Places *places, int64_t t, int64_t n, int active,
                             const void *sent, const Steps *steps, const Ended *ended) {
  const int64_t i = t * game->num_envs + n;
  const int real = active && !places->pending[n];
  Outcome outcome = {0.0, 0};
  int cut = 0;
  if (real) {
    outcome = step_one(&game->environment, places->state + n * STATE_SIZE, sent, n,
                       places->obs + n * game->environment.obs_size);
    places->lengths[n]++;
    places->returns[n] += outcome.reward;
    cut = game->environment.step_limit > 0 && places->lengths[n] >= game->environment.step_limit;
    if (outcome.terminated || cut) note_end(places, t, n, outcome.terminated, ended);
  } else if (active) {
    begin_episode(game, seed, places, n);
  }
  if (!steps->mask) return;
  steps->rewards[i] = (float)outcome.reward;
  if (steps->exact_rewards) steps->exact_rewards[i] = outcome.reward;
  steps->terminated[i] = (uint8_t)outcome.terminated, steps->truncated[i] = (uint8_t)cut;
  steps->mask[i] = (uint8_t)real, steps->idle[i] = (uint8_t)!active;
}

/* Play a member's T steps; see `play`. */
static void play_member(const Network *net, const Game *game, const RunSeed *seed, const Normalizer *normalizer, const float *noise,
                        const Places *places, const Steps *steps, const Ended *ended, void *actor_memory, void *scratch) {
  const int64_t num_envs = game->num_envs, row = num_envs * net->obs_size, action_row = num_envs * action_bytes(net);
  const size_t obs_bytes = sizeof(float) * (size_t)row;
  Memory memory = memory_at(actor_memory), own = memory_at(scratch);
  const Actor actor = take_actor(net, num_envs, &memory);
  float *inputs = take(&own, row);
  char *sampled = (char *)take(&own, 2 * num_envs * net->num_actions);
  char *sent = (char *)take(&own, 2 * num_envs * net->num_actions);
  uint8_t *active = (uint8_t *)take(&own, num_envs);
  memset(sampled, 0, (size_t)action_row);
  *ended->count = 0;
  for (int64_t t = 0; t <= game->num_steps; t++) {
    const float *seen = places->obs;
    if (normalizer->mean) normalize(normalizer, places->obs, num_envs, net->obs_size, inputs), seen = inputs;
    if (steps->raw_obs) memcpy(steps->raw_obs + t * row, places->obs, obs_bytes);
    if (steps->obs && steps->obs != steps->raw_obs) memcpy(steps->obs + t * row, seen, obs_bytes);
    if (t == game->num_steps) break;
    if (choose_active(game, places, t, active)) /* when all wait for the end, what counts for nothing has to be numbers */
      actor_act(net, &actor, seen, noise ? noise + t * num_envs * noise_size(net) : NULL, (int)num_envs, sampled);
    send_all(net, game, sampled, sent);
    if (steps->actions) memcpy((char *)steps->actions + t * action_row, sampled, (size_t)action_row);
    if (steps->sent) memcpy((char *)steps->sent + t * action_row, sent, (size_t)action_row);
    for (int64_t n = 0; n < num_envs; n++)
      step_environment(game, seed, places, t, n, active[n], sent, steps, ended);
  }
}

/* Play T steps of each of `count` members from `first` on; `ended` has to have room for T N episodes of each.
 *
 * noise: [T, N, noise_size] of each as the distribution draws it in Python, or NULL for the most likely actions.
 * Rows of noise and of actors are as many bytes apart as their names say. The structs in twos: see members.h.
 */
EXPORT void play(const Network *net, int64_t first, int64_t count, const Game *game, const RunSeed seeds[2],
                 const Normalizer normalizers[2], const char *noise, int64_t noise_bytes, const Places places[2],
                 const Steps steps[2], const Ended ended[2], char *actor_memory, int64_t actor_bytes, void *scratch) {
  for (int64_t m = first; m < first + count; m++)
    play_member(net, game, &AT(RunSeed, seeds, m), &AT(Normalizer, normalizers, m),
                noise ? (const float *)(noise + m * noise_bytes) : NULL, &AT(Places, places, m), &AT(Steps, steps, m),
                &AT(Ended, ended, m), actor_memory + m * actor_bytes, scratch);
}
