/* The update of members, each on its rollout: epochs of minibatches, each with its gradient, clipping and Adam.
 *
 * ppo_cli/learn/agent.py and optimise.py say in Python what happens here.
 */
#include "adam.h"
#include "members.h"
#include "minibatch.h"

/* Everything that an update works with besides what it is given. */
typedef struct {
  Minibatch part;
  Tape tape;
  Policy policy;
  Backward back;
  float *grads;        /* [P] */
  float *grad_log_std; /* [A, LANES] */
} Workspace;

static Workspace take_workspace(const Network *net, int64_t minibatch_size, Memory *memory) {
  Workspace work;
  work.part = take_minibatch(net, minibatch_size, memory);
  work.tape = take_tape(net, memory);
  work.policy = take_policy(net, memory);
  work.back = take_backward(net, memory);
  work.grads = take(memory, (int64_t)net->rows * net->row_params);
  work.grad_log_std = take(memory, (int64_t)net->num_actions * LANES);
  return work;
}

/* The gradient of the loss on the minibatch, [P]; adds to what is measured. */
static void gradient(const Network *net, const Loss *loss, const Batch *batch, const float *params, Workspace *work,
                     Sums *sums) {
  Minibatch *part = &work->part;
  Policy *policy = &work->policy;
  policy->head = work->tape.head[0];
  policy->actions = part->actions;
  policy->old_head = batch->old_head ? part->old_head : NULL;
  policy->log_std = params + log_std_place(net);
  policy->old_log_std = batch->old_log_std;
  prepare_policy(net, policy);
  memset(work->grads, 0, sizeof(float) * (size_t)net->rows * (size_t)net->row_params);
  memset(work->grad_log_std, 0, sizeof(float) * LANES * (size_t)net->num_actions);
  for (int64_t first = 0; first < part->size; first += CHUNK) {
    const int count = part->size - first < CHUNK ? (int)(part->size - first) : CHUNK;
    const int64_t *order = part->order + first;
    gather_planes(batch->obs, net->obs_size, order, 0, count, work->tape.obs);
    gather_actions(net, batch->actions, order, 0, count, part->actions);
    if (batch->old_head) gather_planes(batch->old_head, net->num_outputs, order, 0, count, part->old_head);
    forward_chunk(net, params, columns_of(count), &work->tape);
    loss_chunk(net, loss, batch, part, first, count, policy, &work->tape, work->grad_log_std, sums);
    backward_chunk(net, params, count, &work->tape, work->tape.head, &work->back, work->grads);
  }
  if (net->distribution == GAUSSIAN)
    for (int a = 0; a < net->num_actions; a++)
      work->grads[log_std_place(net) + a] = sum_of_lanes(load(work->grad_log_std + a * LANES));
}

/* How many bytes of scratch memory `update` and `loss_gradient` need for minibatches of a size. */
EXPORT int64_t update_scratch(const Network *net, int64_t minibatch_size) {
  Memory memory = memory_at(NULL);
  take_workspace(net, minibatch_size, &memory);
  return memory.bytes;
}

static void loss_gradient_member(const Network *net, const Loss *loss, const Batch *batch, const float *params,
                                 const int64_t *order, int64_t size, float *grads, float *metrics, void *scratch) {
  Memory memory = memory_at(scratch);
  Workspace work = take_workspace(net, size, &memory);
  Sums sums;
  memset(&sums, 0, sizeof sums);
  const int counts = gather_minibatch(batch, loss, order, &work.part);
  gradient(net, loss, batch, params, &work, &sums);
  memcpy(grads, work.grads, sizeof(float) * (size_t)net->rows * (size_t)net->row_params);
  for (int i = 0; i < GRAD_NORM; i++) metrics[i] = sum_of_lanes(sums.of[i]);
  metrics[GRAD_NORM] = norm_of(grads, (int64_t)net->rows * net->row_params);
  metrics[ACTIVE] = 1.0f, metrics[COUNTED] = (float)counts;
}

/* The gradients of `count` members' total losses on the transitions order [M, size], as grads [M, P], and what was
 * measured of them: metrics [M, NUM_METRICS]. Rows of params are as many bytes apart. batches: see members.h. */
EXPORT void loss_gradient(const Network *net, int64_t count, const Loss *losses, const Batch batches[2],
                          const char *params, int64_t params_bytes, const int64_t *order, int64_t size, float *grads,
                          float *metrics, void *scratch) {
  const int64_t num_params = (int64_t)net->rows * net->row_params;
  memset(metrics, 0, sizeof(float) * NUM_METRICS * (size_t)count);
  memset(grads, 0, sizeof(float) * (size_t)(count * num_params));
  for (int64_t m = 0; m < count && size > 0; m++)
    loss_gradient_member(net, &losses[m], &AT(Batch, batches, m), (const float *)(params + m * params_bytes),
                         order + m * size, size, grads + m * num_params, metrics + m * NUM_METRICS, scratch);
}

/* Improves a member in place: a step for each minibatch. See `update`. */
static void update_member(const Network *net, const Loss *loss, const Step *step, const Batch *batch,
                          const Trainable *member, const int64_t *order, int64_t num_parts, int64_t size,
                          float *metrics, void *scratch) {
  memset(metrics, 0, sizeof(float) * NUM_METRICS * (size_t)num_parts);
  if (size <= 0) return;
  Memory memory = memory_at(scratch);
  Workspace work = take_workspace(net, size, &memory);
  for (int64_t index = 0; index < num_parts; index++, metrics += NUM_METRICS) {
    Sums sums;
    memset(&sums, 0, sizeof sums);
    const int counts = gather_minibatch(batch, loss, order + index * size, &work.part);
    gradient(net, loss, batch, member->params, &work, &sums);
    const float norm = norm_of(work.grads, (int64_t)net->rows * net->row_params);
    for (int i = 0; i < GRAD_NORM; i++) metrics[i] = sum_of_lanes(sums.of[i]);
    metrics[GRAD_NORM] = norm, metrics[ACTIVE] = 1.0f, metrics[COUNTED] = (float)counts;
    if (!(norm < __builtin_inff()) || !(metrics[APPROX_KL] <= loss->kl_limit)) break;
    if (counts) step_member(net, step, work.grads, norm, member);
  }
}

/* Improves `count` members from `first` on in place, each by steps of its own, one for each minibatch.
 *
 * A member takes no further step once its gradient is not finite or its policy has moved further than kl_limit, and
 * none with a minibatch in which nothing counts.
 *
 * losses, steps: of each member. batches, members: see members.h.
 * order: [M, num_epochs, num_minibatches, B / num_minibatches], an order of the batch for each epoch.
 * metrics: [M, num_epochs * num_minibatches, NUM_METRICS]; 0 of minibatches after the last.
 * scratch: update_scratch(net, B / num_minibatches) bytes.
 */
EXPORT void update(const Network *net, int64_t first, int64_t count, const Loss *losses, const Step *steps,
                   const Batch batches[2], const Trainable members[2], const int64_t *order, int64_t num_epochs,
                   int64_t num_minibatches, float *metrics, void *scratch) {
  const int64_t num_parts = num_epochs * num_minibatches;
  if (num_parts <= 0) return;
  for (int64_t m = first; m < first + count; m++) {
    const Batch batch = AT(Batch, batches, m);
    const Trainable member = AT(Trainable, members, m);
    update_member(net, &losses[m], &steps[m], &batch, &member, order + m * num_epochs * batch.size, num_parts,
                  batch.size / num_minibatches, metrics + m * num_parts * NUM_METRICS, scratch);
  }
}

/* Means of each member's metrics [M, num_parts, NUM_METRICS] over the minibatches that counted, summed in their order:
 * [M, NUM_METRICS]. Where none counted they are not numbers. Of ACTIVE and COUNTED it is the numbers of minibatches. */
EXPORT void mean_metrics(int64_t num_members, int64_t num_parts, const float *metrics, float *means) {
  memset(means, 0, sizeof(float) * NUM_METRICS * (size_t)num_members);
  for (int64_t m = 0; m < num_members; m++, means += NUM_METRICS) {
    for (int64_t k = 0; k < num_parts; k++, metrics += NUM_METRICS) {
      means[ACTIVE] += metrics[ACTIVE];
      if (!(metrics[COUNTED] > 0.0f)) continue;
      for (int i = 0; i < ACTIVE; i++) means[i] += metrics[i];
      means[COUNTED] += 1.0f;
    }
    for (int i = 0; i < ACTIVE; i++) means[i] /= means[COUNTED];
  }
}
