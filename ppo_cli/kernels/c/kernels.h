/* What callers and kernels share: shapes, settings, and where a member's numbers lie.
 *
 * The structs are mirrored in ppo_cli/kernels/structs.py, field by field. Arrays are those of the Python side:
 * contiguous, float32 unless said otherwise. Members never meet, so the bits of one cannot depend on others.
 */
#ifndef PPO_KERNELS_H
#define PPO_KERNELS_H

#include <stdint.h>

#include "export.h"

#define MAX_HIDDEN 8 /* hidden layers */

enum { CATEGORICAL, GAUSSIAN, BETA }; /* Network.distribution; a squashed Gaussian is one before it is bent */
enum { RELU, TANH };                  /* Network.activation */

/* The shape of one member's networks: those of ppo_cli/nn/actor_critic.py.
 *
 * A member's parameters are `rows` rows of `row_params` numbers, first the actor's, then the critic's if there is
 * one. A row holds weights [in, out] and biases [out] of each layer, then the log std of a Gaussian.
 */
typedef struct {
  int32_t obs_size;    /* O */
  int32_t num_actions; /* A */
  int32_t num_outputs; /* K: what the policy says of one observation */
  int32_t head_width;  /* columns of the last layer, of which the actor uses K and the critic 1 */
  int32_t distribution;
  int32_t activation;
  int32_t rows; /* R: 2 with a critic, 1 without */
  int32_t num_hidden;
  int32_t hidden[MAX_HIDDEN];
  int32_t row_params;
} Network;

/* What the policy's loss holds of log pi, as a function of ratio = pi / pi_old and advantage A, each -mean(...):
 * log pi A; ratio A; min(ratio A, clip(ratio) A); ratio A - |A| (ratio - 1)^2 / (2 eps_high) */
enum { POLICY_GRADIENT, SURROGATE, CLIPPED_SURROGATE, PARABOLA };

/* The loss of one member: terms and their weights. */
typedef struct {
  int32_t gain;                 /* one of the four above */
  int32_t normalize_advantages; /* within each minibatch */
  float eps_low, eps_high;      /* the clip range, from 1 - eps_low to 1 + eps_high */
  float kl_coef;                /* of KL(pi_old || pi), exact; 0 without it */
  float reference_coef;         /* of KL(pi || pi_ref) by its k3 estimate; 0 without it */
  float vf_coef, ent_coef;
  float eps_clip_vf; /* infinite where values are not clipped */
  float kl_limit;    /* no step where the policy has moved further by approx_kl; infinite without a limit */
} Loss;

/* Adam and the clipping of the gradient. */
typedef struct {
  double rates[2]; /* learning rates of actor and critic */
  float max_grad_norm;
} Step;

/* A member's rollout, flattened to B transitions. Addresses of what there is none of are NULL. */
typedef struct {
  int64_t size;               /* B */
  const float *obs;           /* [B, O] */
  const void *actions;        /* [B] int64, or [B, A] */
  const float *log_probs;     /* [B], at collection */
  const float *values;        /* [B], at collection; NULL without a critic */
  const float *advantages;    /* [B] */
  const float *returns;       /* [B], targets of the critic */
  const float *weights;       /* [B], how much a transition counts */
  const float *old_head;      /* [B, K], the policy at collection, for its KL divergence */
  const float *old_log_std;   /* [A], of a Gaussian one */
  const float *ref_log_probs; /* [B], of the reference policy */
} Batch;

/* Parameters of one member with Adam's memory of their gradients, [P] each. */
typedef struct {
  float *params, *exp_avg, *exp_avg_sq;
  double *adam_step; /* number of steps before this one */
} Trainable;

/* What is measured of each minibatch. COUNTED is 1 where a member was learning and anything counted. */
enum {
  POLICY_LOSS, /* of log pi alone, without penalties */
  CLIP_FRACTION,
  KL,           /* KL(pi_old || pi), exact */
  KL_REFERENCE, /* k3 estimate */
  VALUE_LOSS,
  ENTROPY,
  APPROX_KL, /* k3 estimate of KL(pi_old || pi) */
  GRAD_NORM,
  ACTIVE, /* 1 until the member stopped */
  COUNTED,
  NUM_METRICS
};

#endif
