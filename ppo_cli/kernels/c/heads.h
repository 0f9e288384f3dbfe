/* Distributions over actions, on vectors of transitions: what ppo_cli/nn/categorical.py, gaussian.py and beta.py
 * compute.
 *
 * `look` reads log-probability, entropy and divergence off the policy's head; `look_back` turns the derivatives of
 * a loss with respect to these three into that with respect to the head, in place of the head's planes.
 */
#ifndef PPO_HEADS_H
#define PPO_HEADS_H

#include "net.h"

#define HALF_LOG_2PI 0.91893853320467274178f

/* A chunk of what the policy says, and what was done. */
typedef struct {
  float *head;           /* [K, PLANE]: logits; means; x and y of each Beta. Overwritten by look_back */
  const float *actions;  /* [A, PLANE]; [1, PLANE] of int32 when discrete */
  const float *old_head; /* [K, PLANE], of the policy at collection; NULL where its divergence is not asked for */
  float *spare;          /* [2 K, PLANE], what look leaves for look_back */
  const float *log_std, *old_log_std; /* [A] of a Gaussian */
  float *inverse_std, *std_ratio;     /* [A]: 1 / std, std_old / std */
} Policy;

/* What a loss asks of a policy on 16 transitions, or its derivative with respect to it. */
typedef struct {
  vec log_prob, entropy, kl;
} Look;

static inline Policy take_policy(const Network *net, Memory *memory) {
  Policy policy = {0};
  policy.spare = take(memory, 2 * (int64_t)net->num_outputs * PLANE);
  policy.inverse_std = take(memory, net->num_actions);
  policy.std_ratio = take(memory, net->num_actions);
  return policy;
}

/* What does not depend on the observation. To be called when log_std or old_log_std are others. */
static inline void prepare_policy(const Network *net, Policy *policy) {
  if (net->distribution != GAUSSIAN) return;
  for (int a = 0; a < net->num_actions; a += LANES) {
    const int lanes = net->num_actions - a;
    const vec log_std = load_first(policy->log_std + a, lanes);
    store(policy->inverse_std + a, exp_(-log_std));
    if (policy->old_head)
      store(policy->std_ratio + a, exp_(load_first(policy->old_log_std + a, lanes) - log_std));
  }
}

INLINE vec plane(const float *planes, int index, int b) { return load(planes + (int64_t)index * PLANE + b); }
INLINE void set_plane(float *planes, int index, int b, vec x) { store(planes + (int64_t)index * PLANE + b, x); }

/* ---- categorical: log p_j = logit_j - log sum exp logits ---- */

INLINE vec log_sum_exp(const float *logits, int count, int b) {
  vec top = plane(logits, 0, b), total = {0};
  for (int j = 1; j < count; j++) top = larger(plane(logits, j, b), top);
  for (int j = 0; j < count; j++) total += exp_(plane(logits, j, b) - top);
  return top + log_(total);
}

INLINE Look categorical_look(const Network *net, const Policy *policy, int b) {
  const vec norm = log_sum_exp(policy->head, net->num_outputs, b);
  const vec old_norm = policy->old_head ? log_sum_exp(policy->old_head, net->num_outputs, b) : splat(0.0f);
  const ivec action = load_ints((const int32_t *)policy->actions + b);
  Look look = {splat(0.0f), splat(0.0f), splat(0.0f)};
  for (int j = 0; j < net->num_outputs; j++) {
    const vec log_p = plane(policy->head, j, b) - norm, p = exp_(log_p);
    set_plane(policy->spare, j, b, log_p);
    look.log_prob = choose(action == j, log_p, look.log_prob);
    look.entropy -= p * log_p;
    if (policy->old_head) {
      const vec log_old = plane(policy->old_head, j, b) - old_norm, p_old = exp_(log_old);
      set_plane(policy->spare, net->num_outputs + j, b, p_old);
      look.kl += p_old * (log_old - log_p);
    }
  }
  return look;
}

/* With respect to logit j: [j = a] - p_j of log p(a); -p_j (log p_j + H) of the entropy H; p_j - p_old_j of KL. */
INLINE void categorical_back(const Network *net, const Policy *policy, int b, Look look, Look grad) {
  const ivec action = load_ints((const int32_t *)policy->actions + b);
  for (int j = 0; j < net->num_outputs; j++) {
    const vec log_p = plane(policy->spare, j, b), p = exp_(log_p);
    vec g = choose(action == j, grad.log_prob, splat(0.0f));
    g -= p * ((log_p + look.entropy) * grad.entropy + grad.log_prob);
    if (policy->old_head) g += grad.kl * (p - plane(policy->spare, net->num_outputs + j, b));
    set_plane(policy->head, j, b, g);
  }
}

/* ---- Gaussian: z = (a - mean) / std ---- */

INLINE Look gaussian_look(const Network *net, const Policy *policy, int b) {
  Look look = {splat(0.0f), splat(0.0f), splat(0.0f)};
  for (int a = 0; a < net->num_actions; a++) {
    const float log_std = policy->log_std[a], inverse = policy->inverse_std[a];
    const vec mean = plane(policy->head, a, b), z = (plane(policy->actions, a, b) - mean) * inverse;
    look.log_prob -= 0.5f * z * z + (log_std + HALF_LOG_2PI);
    look.entropy += log_std + (0.5f + HALF_LOG_2PI);
    if (policy->old_head) {
      const vec distance = (mean - plane(policy->old_head, a, b)) * inverse;
      const float ratio = policy->std_ratio[a];
      look.kl += 0.5f * (ratio * ratio + distance * distance - 1.0f) - (policy->old_log_std[a] - log_std);
    }
  }
  return look;
}

/* With respect to the mean: z / std of log p(a); (mean - mean_old) / std^2 of KL.
 * With respect to log std: z^2 - 1; 1 of the entropy; 1 - (std_old^2 + (mean - mean_old)^2) / std^2 of KL. */
INLINE void gaussian_back(const Network *net, const Policy *policy, int b, Look grad, float *grad_log_std) {
  for (int a = 0; a < net->num_actions; a++) {
    const float inverse = policy->inverse_std[a];
    const vec mean = plane(policy->head, a, b), z = (plane(policy->actions, a, b) - mean) * inverse;
    vec grad_mean = grad.log_prob * z * inverse;
    vec grad_scale = (z * z - 1.0f) * grad.log_prob + grad.entropy;
    if (policy->old_head) {
      const vec distance = (mean - plane(policy->old_head, a, b)) * inverse;
      const float ratio = policy->std_ratio[a];
      grad_mean += grad.kl * distance * inverse;
      grad_scale += grad.kl * (1.0f - ratio * ratio - distance * distance);
    }
    set_plane(policy->head, a, b, grad_mean);
    float *lanes = grad_log_std + a * LANES; /* summed over the lanes when the minibatch is done */
    store(lanes, load(lanes) + grad_scale);
  }
}

/* ---- Beta: alpha = 1 + softplus(x), beta = 1 + softplus(y) ---- */

/* The shapes of one action: what they exceed 1 by, E log a and E log(1 - a), and log B. */
typedef struct {
  vec excess[2], mean_log[2], log_beta;
} Shapes;

INLINE Shapes shapes_of(const float *head, int action, int b) {
  Shapes s;
  dvec both[2], digammas[2], lgammas = {0};
  for (int i = 0; i < 2; i++) {
    s.excess[i] = softplus(plane(head, 2 * action + i, b)) + LEAST_EXCESS;
    both[i] = to_double(1.0f + s.excess[i]);
    lgammas += lgamma_(both[i]);
    digammas[i] = digamma(both[i]);
  }
  const dvec total = both[0] + both[1], digamma_total = digamma(total);
  s.log_beta = to_float(lgammas - lgamma_(total));
  for (int i = 0; i < 2; i++) s.mean_log[i] = to_float(digammas[i] - digamma_total);
  return s;
}

INLINE Look beta_look(const Network *net, const Policy *policy, int b) {
  Look look = {splat(0.0f), splat(0.0f), splat(0.0f)};
  for (int a = 0; a < net->num_actions; a++) {
    const Shapes s = shapes_of(policy->head, a, b);
    const vec action = plane(policy->actions, a, b);
    look.log_prob += s.excess[0] * log_(action) + s.excess[1] * log1p_(-action) - s.log_beta;
    look.entropy += s.log_beta - (s.excess[0] * s.mean_log[0] + s.excess[1] * s.mean_log[1]);
    for (int i = 0; i < 2; i++) set_plane(policy->spare, 2 * a + i, b, s.mean_log[i]);
    if (policy->old_head) {
      const Shapes old = shapes_of(policy->old_head, a, b);
      look.kl += s.log_beta - old.log_beta + (old.excess[0] - s.excess[0]) * old.mean_log[0] +
                 (old.excess[1] - s.excess[1]) * old.mean_log[1];
      for (int i = 0; i < 2; i++) set_plane(policy->spare, net->num_outputs + 2 * a + i, b, old.mean_log[i]);
    }
  }
  return look;
}

/* With respect to alpha: log a - E log a of log p(a); E log a - E_old log a of KL; of the entropy
 * (alpha + beta - 2) psi'(alpha + beta) - (alpha - 1) psi'(alpha). Then through softplus. */
INLINE void beta_back(const Network *net, const Policy *policy, int b, int entropy_counts, Look grad) {
  for (int a = 0; a < net->num_actions; a++) {
    const vec action = plane(policy->actions, a, b), logs[2] = {log_(action), log1p_(-action)};
    vec excess[2], of_entropy[2] = {{0}, {0}};
    if (entropy_counts) {
      for (int i = 0; i < 2; i++) excess[i] = softplus(plane(policy->head, 2 * a + i, b)) + LEAST_EXCESS;
      const dvec total = to_double(excess[0]) + to_double(excess[1]), of_total = total * trigamma(total + 2.0);
      for (int i = 0; i < 2; i++) {
        const dvec own = to_double(excess[i]);
        of_entropy[i] = to_float(of_total - own * trigamma(own + 1.0));
      }
    }
    for (int i = 0; i < 2; i++) {
      const vec mean_log = plane(policy->spare, 2 * a + i, b);
      vec g = grad.log_prob * (logs[i] - mean_log) + grad.entropy * of_entropy[i];
      if (policy->old_head) g += grad.kl * (mean_log - plane(policy->spare, net->num_outputs + 2 * a + i, b));
      set_plane(policy->head, 2 * a + i, b, g * sigmoid(plane(policy->head, 2 * a + i, b)));
    }
  }
}

/* ---- whichever it is ---- */

INLINE Look look(const Network *net, const Policy *policy, int b) {
  if (net->distribution == CATEGORICAL) return categorical_look(net, policy, b);
  if (net->distribution == GAUSSIAN) return gaussian_look(net, policy, b);
  return beta_look(net, policy, b);
}

/* grad_log_std [A, LANES] is added to. `entropy_counts` is 0 where the loss has none. */
INLINE void look_back(const Network *net, const Policy *policy, int b, int entropy_counts, Look seen, Look grad,
                      float *grad_log_std) {
  if (net->distribution == CATEGORICAL) categorical_back(net, policy, b, seen, grad);
  else if (net->distribution == GAUSSIAN) gaussian_back(net, policy, b, grad, grad_log_std);
  else beta_back(net, policy, b, entropy_counts, grad);
}

/* Planes of `count` actions of a batch: int64 [B] become int32, [B, A] planes of floats. */
static inline void gather_actions(const Network *net, const void *actions, const int64_t *order, int64_t first,
                                  int count, float *planes) {
  if (net->distribution != CATEGORICAL) {
    gather_planes(actions, net->num_actions, order, first, count, planes);
    return;
  }
  for (int b = 0; b < columns_of(count); b++) {
    const int place = b < count ? b : count - 1;
    ((int32_t *)planes)[b] = (int32_t)((const int64_t *)actions)[order ? order[place] : first + place];
  }
}

#endif
