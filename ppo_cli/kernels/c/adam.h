/* Gradient norm, clipping and Adam: ppo_cli/nn/optim.py for one member. */
#ifndef PPO_ADAM_H
#define PPO_ADAM_H

#include "kernels.h"
#include "vec.h"

#define BETA1 0.9
#define BETA2 0.999
#define ADAM_EPS 1e-5

/* Euclidean norm of count numbers. */
static inline float norm_of(const float *values, int64_t count) {
  vec sums[4] = {{0}, {0}, {0}, {0}};
  int64_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES)
    for (int j = 0; j < 4; j++) {
      const vec x = load(values + i + j * LANES);
      sums[j] = mul_add(x, x, sums[j]);
    }
  for (; i < count; i += LANES) {
    const vec x = load_first(values + i, count - i < LANES ? (int)(count - i) : LANES);
    sums[0] = mul_add(x, x, sums[0]);
  }
  return __builtin_sqrtf(sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])));
}

/* base^exponent by squaring: a platform's pow may differ in its last bit. */
INLINE double power(double base, double exponent) {
  double result = 1.0;
  for (int64_t left = (int64_t)exponent; left > 0; left /= 2, base *= base)
    if (left % 2) result *= base;
  return result;
}

/* How far along Adam a row of parameters is: what its numbers are scaled by. */
typedef struct {
  float grad_scale; /* of the gradient, to clip its norm */
  float root_scale; /* of sqrt(v) */
  float eps;        /* of the same scale */
} AdamScales;

/* step: number of steps with this one. */
INLINE AdamScales adam_scales(double rate, double step, float norm, float max_norm) {
  const double step_size = rate / (1.0 - power(BETA1, step));
  const float scale = max_norm / (norm + 1e-6f);
  return (AdamScales){
      .grad_scale = scale < 1.0f ? scale : 1.0f,
      .root_scale = (float)(1.0 / (step_size * __builtin_sqrt(1.0 - power(BETA2, step)))),
      .eps = (float)(ADAM_EPS / step_size),
  };
}

/* m = b1 m + (1 - b1) g        v = b2 v + (1 - b2) g^2
 * p = p - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps), with the rate moved into the denominator */
static inline void adam_step(int64_t count, const float *grads, AdamScales scales, float *params, float *exp_avg,
                      float *exp_avg_sq) {
  for (int64_t i = 0; i < count; i += LANES) {
    const int lanes = count - i < LANES ? (int)(count - i) : LANES;
    const vec g = load_first(grads + i, lanes) * scales.grad_scale;
    vec m = load_first(exp_avg + i, lanes), v = load_first(exp_avg_sq + i, lanes);
    m = m + (float)(1.0 - BETA1) * (g - m);
    v = v * (float)BETA2 + (float)(1.0 - BETA2) * g * g;
    const vec denominator = root(v) * scales.root_scale + scales.eps;
    store_first(exp_avg + i, m, lanes);
    store_first(exp_avg_sq + i, v, lanes);
    store_first(params + i, load_first(params + i, lanes) - m / denominator, lanes);
  }
}

/* One step of a member's rows, each at its own rate. */
static inline void step_member(const Network *net, const Step *step, const float *grads, float norm,
                        const Trainable *member) {
  *member->adam_step += 1.0;
  for (int row = 0; row < net->rows; row++) {
    const int64_t at = (int64_t)row * net->row_params;
    const AdamScales scales = adam_scales(step->rates[row], *member->adam_step, norm, step->max_grad_norm);
    adam_step(net->row_params, grads + at, scales, member->params + at, member->exp_avg + at,
              member->exp_avg_sq + at);
  }
}

#endif
