/* Acting: what a policy does on a few observations, one for each environment.
 *
 * Here rows are environments and vectors run along the units, since there are few environments and many units. The
 * chains of a product are those of net.h, so what is said of an observation has the same bits.
 */
#ifndef PPO_ACTOR_H
#define PPO_ACTOR_H

#include "net.h"

#define TRIES 6 /* to draw from a gamma distribution, see ppo_cli/nn/beta.py */
#define MARGIN 1e-6f

/* A policy ready to act: its weights in rows of whole vectors, and memory for num_envs rows. */
typedef struct {
  float *weight[MAX_HIDDEN + 1]; /* [in, out up to whole vectors] of each layer */
  float *bias[MAX_HIDDEN + 1];   /* [out up to whole vectors] */
  float *std;                    /* [A] of a Gaussian */
  float *rows[2];                /* [N, widest], outputs of two layers in turn */
} Actor;

static inline int64_t actor_row(const Network *net) { return padded(widest(net)); }

static inline Actor take_actor(const Network *net, int64_t num_envs, Memory *memory) {
  Actor actor;
  for (int l = 0; l <= net->num_hidden; l++) {
    const Layer layer = layer_of(net, l);
    actor.weight[l] = take(memory, layer.in * padded(layer.out));
    actor.bias[l] = take(memory, layer.out);
  }
  actor.std = take(memory, net->num_actions);
  for (int i = 0; i < 2; i++) actor.rows[i] = take(memory, num_envs * actor_row(net));
  return actor;
}

/* Copies a member's policy into the actor's layout. */
static inline void pack_actor(const Network *net, const float *params, const Actor *actor) {
  for (int l = 0; l <= net->num_hidden; l++) {
    const Layer layer = layer_of(net, l);
    const int64_t row = padded(layer.out);
    const size_t bytes = sizeof(float) * (size_t)layer.out;
    memset(actor->weight[l], 0, sizeof(float) * (size_t)(layer.in * row));
    memset(actor->bias[l], 0, sizeof(float) * (size_t)row);
    for (int k = 0; k < layer.in; k++)
      memcpy(actor->weight[l] + k * row, params + layer.weight + (int64_t)k * layer.out, bytes);
    memcpy(actor->bias[l], params + layer.bias, bytes);
  }
  if (net->distribution != GAUSSIAN) return;
  for (int a = 0; a < net->num_actions; a += LANES)
    store(actor->std + a, exp_(load_first(params + log_std_place(net) + a, net->num_actions - a)));
}

/* Heads of obs [N, O], in rows of *row numbers. */
static inline const float *actor_heads(const Network *net, const Actor *actor, const float *obs, int num_envs,
                                       int64_t *row) {
  const float *below = obs;
  int64_t below_row = net->obs_size;
  for (int l = 0; l <= net->num_hidden; l++) {
    const Layer layer = layer_of(net, l);
    float *out = actor->rows[l % 2];
    const int columns = (int)padded(layer.out);
    const Product product = {
        .rows = num_envs, .columns = columns, .depth = layer.in,
        .left = below, .left_row = below_row, .left_k = 1,
        .right = actor->weight[l], .right_row = columns,
        .out = out, .out_row = columns,
    };
    matmul(&product, FROM_COLUMN, actor->bias[l]);
    if (l < net->num_hidden)
      for (int64_t i = 0; i < (int64_t)num_envs * columns; i += LANES)
        store(out + i, activate(net->activation, load(out + i)));
    below = out, below_row = columns;
  }
  *row = below_row;
  return below;
}

/* ---- samples: ppo_cli/nn/categorical.py, gaussian.py, beta.py; without noise the most likely action ---- */

/* The arg max of logits plus Gumbel noise (the Gumbel-max trick). */
static inline int64_t sample_categorical(const float *logits, const float *gumbel, int count) {
  int best = 0;
  float top = -__builtin_inff();
  for (int j = 0; j < count; j++) {
    const float value = gumbel ? logits[j] + gumbel[j] : logits[j];
    if (value > top) top = value, best = j;
  }
  return best;
}

/* Of Gamma(shape, 1), shape from 1 on, by rejection (Marsaglia and Tsang 2000): all tries at once, the first good one.
 *
 *     d = shape - 1/3,  v = (1 + z / sqrt(9 d))^3:  d v, if log u < z^2 / 2 + d - d v + d log v
 */
static inline float sample_gamma(float shape, const float *normals, const float *log_uniforms) {
  const float d = shape - (float)(1.0 / 3.0);
  const vec z = load_first(normals, TRIES), root_v = 1.0f + z / root(splat(9.0f * d));
  const vec v = root_v * root_v * root_v;
  const vec limit = 0.5f * z * z + d * (1.0f - v + 3.0f * log_(root_v));
  const ivec accepted = load_first(log_uniforms, TRIES) < limit;
  for (int i = 0; i < TRIES; i++)
    if (accepted[i]) return d * v[i];
  return d * v[0];
}

/* g / (g + h) with g ~ Gamma(alpha) and h ~ Gamma(beta). noise [2, 2, TRIES]: normals, then logarithms of uniform
 * numbers, for g and h. */
static inline float sample_beta(const float *head, const float *noise) {
  const vec excess = softplus(load_first(head, 2)) + LEAST_EXCESS;
  if (!noise) return excess[0] / (excess[0] + excess[1]);
  const float *log_uniforms = noise + 2 * TRIES;
  const float g = sample_gamma(1.0f + excess[0], noise, log_uniforms);
  const float h = sample_gamma(1.0f + excess[1], noise + TRIES, log_uniforms + TRIES);
  return clamp(splat(g / (g + h)), splat(MARGIN), splat(1.0f - MARGIN))[0];
}

/* The action on one head, with its noise or NULL: one int64, or A floats. */
static inline void sample_action(const Network *net, const Actor *actor, const float *head, const float *noise,
                                 void *action) {
  if (net->distribution == CATEGORICAL) {
    *(int64_t *)action = sample_categorical(head, noise, net->num_outputs);
    return;
  }
  float *values = action;
  for (int a = 0; a < net->num_actions; a++) {
    if (net->distribution == BETA) values[a] = sample_beta(head + 2 * a, noise ? noise + a * 4 * TRIES : NULL);
    else values[a] = noise ? head[a] + actor->std[a] * noise[a] : head[a];
  }
}

/* A sampled number as a fraction of the way between the bounds, by tanh. */
INLINE float bent(float sampled) { return 0.5f * tanh_(splat(sampled))[0] + 0.5f; }

/* How many numbers of noise an action takes, and how many bytes it has. */
INLINE int64_t noise_size(const Network *net) {
  return net->distribution == BETA ? (int64_t)net->num_actions * 4 * TRIES : net->num_actions;
}
INLINE int64_t action_bytes(const Network *net) {
  return net->distribution == CATEGORICAL ? 8 : 4 * (int64_t)net->num_actions;
}

/* Actions on obs [N, O]: int64 [N] or [N, A]. noise [N, noise_size], or NULL for the most likely actions. */
static inline void actor_act(const Network *net, const Actor *actor, const float *obs, const float *noise, int num_envs,
                      void *actions) {
  int64_t row;
  const float *heads = actor_heads(net, actor, obs, num_envs, &row);
  for (int n = 0; n < num_envs; n++)
    sample_action(net, actor, heads + n * row, noise ? noise + n * noise_size(net) : NULL,
                  (char *)actions + n * action_bytes(net));
}

#endif
