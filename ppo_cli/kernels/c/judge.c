/* What an update has to know of a rollout: what the policy and the critic say of it, and what it was worth.
 *
 * ppo_cli/learn/advantages.py has the formulas.
 */
#include "heads.h"
#include "members.h"

/* What to compute, [B] each; NULL is left out. */
typedef struct {
  float *heads;  /* [B, K] */
  float *values; /* of all `num_obs` observations */
  float *log_probs, *entropies;
  float *kls; /* KL(old || this policy), with an old_head in the batch */
} Judgement;

typedef struct {
  Tape tape;
  Policy policy;
  float *actions, *old_head;
  float *seen; /* [3, PLANE]: log-probabilities, entropies, divergences */
} Judging;

static Judging take_judging(const Network *net, Memory *memory) {
  Judging work;
  work.tape = take_tape(net, memory);
  work.policy = take_policy(net, memory);
  work.actions = take(memory, (int64_t)net->num_actions * PLANE);
  work.old_head = take(memory, (int64_t)net->num_outputs * PLANE);
  work.seen = take(memory, 3 * PLANE);
  return work;
}

/* How many bytes of scratch memory `judge` needs. */
EXPORT int64_t judge_scratch(const Network *net) {
  Memory memory = memory_at(NULL);
  take_judging(net, &memory);
  return memory.bytes;
}

/* Log-probabilities and the like of `count` transitions from `first` on, once the tape's heads are there. */
static void judge_actions(const Network *net, const Batch *batch, int64_t first, int count, const Judging *work,
                          const Judgement *out) {
  gather_actions(net, batch->actions, NULL, first, count, work->actions);
  if (batch->old_head) gather_planes(batch->old_head, net->num_outputs, NULL, first, count, work->old_head);
  for (int b = 0; b < columns_of(count); b += LANES) {
    const Look seen = look(net, &work->policy, b);
    set_plane(work->seen, 0, b, seen.log_prob);
    set_plane(work->seen, 1, b, seen.entropy);
    set_plane(work->seen, 2, b, seen.kl);
  }
  float *const wanted[3] = {out->log_probs, out->entropies, out->kls};
  for (int i = 0; i < 3; i++)
    if (wanted[i]) memcpy(wanted[i] + first, work->seen + i * PLANE, sizeof(float) * (size_t)count);
}

/* What a member says of num_obs observations (batch->obs), of which the first batch->size have actions. */
static void judge_member(const Network *net, const float *params, const Batch *batch, int64_t num_obs,
                         const Judgement *out, void *scratch) {
  Memory memory = memory_at(scratch);
  Judging work = take_judging(net, &memory);
  work.policy.head = work.tape.head[0];
  work.policy.actions = work.actions;
  work.policy.old_head = batch->old_head ? work.old_head : NULL;
  work.policy.log_std = params + log_std_place(net);
  work.policy.old_log_std = batch->old_log_std;
  prepare_policy(net, &work.policy);
  const int looks = out->log_probs || out->entropies || out->kls;
  for (int64_t first = 0; first < num_obs; first += CHUNK) {
    const int count = num_obs - first < CHUNK ? (int)(num_obs - first) : CHUNK;
    gather_planes(batch->obs, net->obs_size, NULL, first, count, work.tape.obs);
    if (net->rows > 1 && out->values) {
      forward_row(net, 1, params + net->row_params, columns_of(count), &work.tape);
      memcpy(out->values + first, work.tape.head[1], sizeof(float) * (size_t)count);
    }
    const int64_t left = batch->size - first;
    const int acted = left < count ? (int)left : count;
    if (acted <= 0) continue;
    forward_row(net, 0, params, columns_of(acted), &work.tape);
    if (out->heads) scatter_planes(work.tape.head[0], net->num_outputs, first, acted, out->heads);
    if (looks) judge_actions(net, batch, first, acted, &work, out);
  }
}

/* What each of `count` members from `first` on, whose rows of params are as many bytes apart, says of its num_obs
 * observations. batches, out: see members.h. */
EXPORT void judge(const Network *net, int64_t first, int64_t count, const char *params, int64_t params_bytes,
                  const Batch batches[2], int64_t num_obs, const Judgement out[2], void *scratch) {
  for (int64_t m = first; m < first + count; m++) {
    const Batch batch = AT(Batch, batches, m);
    const Judgement judgement = AT(Judgement, out, m);
    judge_member(net, (const float *)(params + m * params_bytes), &batch, num_obs, &judgement, scratch);
  }
}

/* The rewards of a member's T steps of N environments, and what is made of them. */
typedef struct {
  const float *rewards;                  /* [T, N] */
  const float *values;                   /* [T + 1, N], or NULL for zeros */
  const uint8_t *terminated, *truncated; /* [T, N] */
  float *sums;                           /* [T, N], the result */
  const float *gamma, *gae_lambda;       /* one number each; the latter for gae alone */
} Rewards;

static void gae_member(int64_t num_steps, int64_t num_envs, const Rewards *of) {
  const float *rewards = of->rewards, *values = of->values, gamma = *of->gamma, gae_lambda = *of->gae_lambda;
  const uint8_t *terminated = of->terminated, *truncated = of->truncated;
  float *advantages = of->sums;
  for (int64_t i = num_steps * num_envs - 1; i >= 0; i--) {
    const float future = terminated[i] ? 0.0f : gamma;
    const float trace = terminated[i] || truncated[i] ? 0.0f : gamma * gae_lambda;
    const float after = i + num_envs < num_steps * num_envs ? advantages[i + num_envs] : 0.0f;
    const float delta = rewards[i] + future * values[i + num_envs] - values[i];
    advantages[i] = delta + trace * after;
  }
}

static void rewards_to_go_member(int64_t num_steps, int64_t num_envs, const Rewards *of) {
  const float *rewards = of->rewards, *values = of->values, gamma = *of->gamma;
  const uint8_t *terminated = of->terminated, *truncated = of->truncated;
  float *returns = of->sums;
  for (int64_t i = num_steps * num_envs - 1; i >= 0; i--) {
    const int cut = truncated[i] && !terminated[i], ends = terminated[i] || truncated[i];
    const float after = i + num_envs < num_steps * num_envs ? returns[i + num_envs] : 0.0f;
    const float reward = cut && values ? rewards[i] + gamma * values[i + num_envs] : rewards[i];
    returns[i] = reward + (ends ? 0.0f : gamma) * after;
  }
}

/* Generalised advantage estimation of `count` members, whose values are not NULL; see members.h.
 *
 *     delta_t = r_t + gamma V(s_{t+1}) (1 - terminated_t) - V(s_t)
 *     A_t     = delta_t + gamma lambda (1 - done_t) A_{t+1}
 */
EXPORT void gae(int64_t count, int64_t num_steps, int64_t num_envs, const Rewards members[2]) {
  for (int64_t m = 0; m < count; m++) gae_member(num_steps, num_envs, &AT(Rewards, members, m));
}

/* What an episode of each of `count` members still pays from each step on; see members.h.
 *
 *     R_t = r_t + gamma R_{t+1}, and R_{t+1} = 0 after the end; after a truncation it is V(s_{t+1})
 */
EXPORT void rewards_to_go(int64_t count, int64_t num_steps, int64_t num_envs, const Rewards members[2]) {
  for (int64_t m = 0; m < count; m++) rewards_to_go_member(num_steps, num_envs, &AT(Rewards, members, m));
}

/* Mean of x - y over the transitions that count; y is NULL for zeros. */
static double mean_difference(const Batch *batch, const float *x, const float *y, int64_t counted) {
  double sum = 0.0;
  for (int64_t b = 0; b < batch->size; b++)
    if (batch->weights[b] > 0.0f) sum += y ? (double)x[b] - (double)y[b] : (double)x[b];
  return sum / (double)counted;
}

/* Variance of the same. */
static double variance_of(const Batch *batch, const float *x, const float *y, int64_t counted) {
  const double mean = mean_difference(batch, x, y, counted);
  double sum = 0.0;
  for (int64_t b = 0; b < batch->size; b++) {
    const double centred = (y ? (double)x[b] - (double)y[b] : (double)x[b]) - mean;
    if (batch->weights[b] > 0.0f) sum += centred * centred;
  }
  return sum / (double)counted;
}

/* 1 - Var(returns - values) / Var(returns) over the transitions of each of `count` members that count; NaN where all
 * returns are the same, or none counts. explained: [count]. */
EXPORT void explained_variance(int64_t count, const Batch batches[2], float *explained) {
  for (int64_t m = 0; m < count; m++) {
    const Batch *batch = &AT(Batch, batches, m);
    int64_t counted = 0;
    for (int64_t b = 0; b < batch->size; b++) counted += batch->weights[b] > 0.0f;
    const double variance = counted ? variance_of(batch, batch->returns, NULL, counted) : 0.0;
    explained[m] = __builtin_nanf("");
    if (variance > 0.0)
      explained[m] = (float)(1.0 - variance_of(batch, batch->returns, batch->values, counted) / variance);
  }
}
