/* One minibatch: what it is made of, and the gradient of the loss on it. */
#ifndef PPO_MINIBATCH_H
#define PPO_MINIBATCH_H

#include "loss.h"

/* The numbers of a minibatch's transitions that fill one plane each, [size] up to whole vectors. */
typedef struct {
  int64_t size;
  const int64_t *order; /* [size], which transitions of the rollout */
  float *log_probs, *values, *advantages, *returns, *weights, *ref_log_probs;
  float *actions, *old_head; /* planes of a chunk */
} Minibatch;

static inline Minibatch take_minibatch(const Network *net, int64_t size, Memory *memory) {
  Minibatch part = {.size = size};
  float **columns[] = {&part.log_probs, &part.values,  &part.advantages,
                       &part.returns,   &part.weights, &part.ref_log_probs};
  for (int i = 0; i < 6; i++) *columns[i] = take(memory, size);
  part.actions = take(memory, (int64_t)net->num_actions * PLANE);
  part.old_head = take(memory, (int64_t)net->num_outputs * PLANE);
  return part;
}

/* Picks count numbers in an order; what fills the last vector is 0, or the last one once more. */
static inline void pick(const float *values, const int64_t *order, int64_t count, int repeats_last, float *picked) {
  for (int64_t b = 0; b < count; b++) picked[b] = values ? values[order[b]] : 0.0f;
  for (int64_t b = count; b < padded(count); b++) picked[b] = repeats_last ? picked[count - 1] : 0.0f;
}

/* sum over b of x[b] y[b], in lanes */
static inline float dot(const float *x, const float *y, int64_t count) {
  vec sum = {0};
  for (int64_t b = 0; b < count; b += LANES) sum = mul_add(load(x + b), load(y + b), sum);
  return sum_of_lanes(sum);
}

/* Weights that sum to 1. Returns whether anything counts. */
static inline int normalize_weights(float *weights, int64_t count) {
  vec sum = {0};
  ivec any = {0};
  for (int64_t b = 0; b < count; b += LANES) sum += load(weights + b), any |= load(weights + b) != 0.0f;
  const float total = sum_of_lanes(sum);
  for (int64_t b = 0; b < count; b += LANES)
    store(weights + b, load(weights + b) / (total < 1e-30f ? 1e-30f : total));
  int counts = 0;
  for (int i = 0; i < LANES; i++) counts |= any[i] != 0;
  return counts;
}

/* Advantages with mean 0 and standard deviation 1 by their weights. */
static inline void normalize_advantages(float *advantages, const float *weights, int64_t count) {
  const float mean = dot(advantages, weights, count);
  vec squares = {0};
  for (int64_t b = 0; b < count; b += LANES) {
    const vec centred = load(advantages + b) - mean;
    squares = mul_add(centred * centred, load(weights + b), squares);
    store(advantages + b, centred);
  }
  const vec std = root(splat(sum_of_lanes(squares))) + 1e-8f;
  for (int64_t b = 0; b < count; b += LANES) store(advantages + b, load(advantages + b) / std);
}

/* The transitions at order[0], order[1], ... Returns whether any of them counts. */
static inline int gather_minibatch(const Batch *batch, const Loss *loss, const int64_t *order, Minibatch *part) {
  const int64_t count = part->size;
  part->order = order;
  pick(batch->log_probs, order, count, 1, part->log_probs);
  pick(batch->values, order, count, 1, part->values);
  pick(batch->advantages, order, count, 1, part->advantages);
  pick(batch->returns, order, count, 1, part->returns);
  pick(batch->weights, order, count, 0, part->weights);
  pick(batch->ref_log_probs, order, count, 1, part->ref_log_probs);
  const int counts = normalize_weights(part->weights, count);
  if (loss->normalize_advantages) normalize_advantages(part->advantages, part->weights, count);
  return counts;
}

/* From a chunk's heads to the gradient at them, in place; adds to what is measured. */
static inline void loss_chunk(const Network *net, const Loss *loss, const Batch *batch, const Minibatch *part,
                              int64_t first, int count, const Policy *policy, const Tape *tape, float *grad_log_std,
                              Sums *sums) {
  const int has_reference = batch->ref_log_probs != NULL, entropy_counts = loss->ent_coef != 0.0f;
  for (int b = 0; b < columns_of(count); b += LANES) {
    const int64_t at = first + b;
    const Known known = {
        .log_prob = load(part->log_probs + at),
        .advantage = load(part->advantages + at),
        .ref_log_prob = load(part->ref_log_probs + at),
        .weight = load(part->weights + at),
    };
    const Look seen = look(net, policy, b);
    const Look grad = policy_terms(loss, seen, known, has_reference, sums);
    look_back(net, policy, b, entropy_counts, seen, grad, grad_log_std);
    if (net->rows > 1) {
      float *value = tape->head[1] + b;
      store(value, value_term(loss, load(value), load(part->values + at), load(part->returns + at), known.weight,
                              sums));
    }
  }
}

#endif
