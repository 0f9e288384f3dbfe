/* The loss of a member on vectors of transitions: its terms, their derivatives, what is measured.
 *
 *     L = policy loss + vf_coef value loss - ent_coef entropy
 *
 * The formulas are those of ppo_cli/learn/losses.py. A weight w is a transition's share in the minibatch.
 */
#ifndef PPO_LOSS_H
#define PPO_LOSS_H

#include "heads.h"

#define LARGEST_LOG_RATIO 60.0f /* to a reference: beyond it, its exponential would be infinite */

/* Sums over a minibatch, in lanes. */
typedef struct {
  vec of[NUM_METRICS];
} Sums;

/* What was known of 16 transitions before. */
typedef struct {
  vec log_prob, advantage, ref_log_prob, weight;
} Known;

/* The term of log pi: adds to the policy's loss, returns the derivative with respect to log pi. */
INLINE vec gain_term(const Loss *loss, vec log_prob, vec ratio, Known known, Sums *sums) {
  const vec advantage = known.advantage, w = known.weight, gain = ratio * advantage;
  if (loss->gain == POLICY_GRADIENT) {
    sums->of[POLICY_LOSS] -= log_prob * advantage * w;
    return -(advantage * w);
  }
  if (loss->gain == SURROGATE) {
    sums->of[POLICY_LOSS] -= gain * w;
    return -(gain * w);
  }
  if (loss->gain == CLIPPED_SURROGATE) {
    const vec clipped = clamp(ratio, splat(1.0f - loss->eps_low), splat(1.0f + loss->eps_high)) * advantage;
    sums->of[POLICY_LOSS] -= smaller(gain, clipped) * w;
    return choose(gain <= clipped, -(gain * w), splat(0.0f));
  }
  const vec pull = magnitude(advantage) / loss->eps_high, away = ratio - 1.0f; /* PARABOLA */
  sums->of[POLICY_LOSS] -= (gain - 0.5f * pull * away * away) * w;
  return ratio * (pull * away - advantage) * w;
}

/* The policy's loss and the entropy: derivatives with respect to log-probability, entropy and divergence. */
INLINE Look policy_terms(const Loss *loss, Look seen, Known known, int has_reference, Sums *sums) {
  const vec w = known.weight, log_ratio = seen.log_prob - known.log_prob, ratio = exp_(log_ratio);
  Look grad = {gain_term(loss, seen.log_prob, ratio, known, sums), w * -loss->ent_coef, w * loss->kl_coef};
  const ivec outside = (ratio - 1.0f > loss->eps_high) | (1.0f - ratio > loss->eps_low);
  sums->of[CLIP_FRACTION] += choose(outside, w, splat(0.0f));
  sums->of[ENTROPY] += seen.entropy * w;
  sums->of[APPROX_KL] += (ratio - 1.0f - log_ratio) * w;
  sums->of[KL] += seen.kl * w;
  if (has_reference) {
    const vec to_reference = smaller(known.ref_log_prob - seen.log_prob, splat(LARGEST_LOG_RATIO));
    const vec exponential = exp_(to_reference);
    sums->of[KL_REFERENCE] += (exponential - to_reference - 1.0f) * w;
    grad.log_prob += loss->reference_coef * (1.0f - exponential) * w;
  }
  return grad;
}

/* mean max((V - R)^2, (clip(V, V_old - eps, V_old + eps) - R)^2) / 2; the derivative with respect to V, which is 0
 * where the clipped value is worse and stands still. */
INLINE vec value_term(const Loss *loss, vec value, vec old_value, vec target, vec w, Sums *sums) {
  const vec error = value - target;
  vec square = error * error, grad = error * w;
  if (loss->eps_clip_vf < __builtin_inff()) {
    const vec clipped = clamp(value, old_value - loss->eps_clip_vf, old_value + loss->eps_clip_vf);
    const vec clipped_square = (clipped - target) * (clipped - target);
    grad = choose((clipped_square > square) & (clipped != value), splat(0.0f), grad);
    square = larger(square, clipped_square);
  }
  sums->of[VALUE_LOSS] += 0.5f * square * w;
  return grad * loss->vf_coef;
}

#endif
