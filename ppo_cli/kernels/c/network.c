/* The networks of one member, forward and backward, for losses that stay in Python.
 *
 * What algorithms without a fused loss take: the heads go to Python, the gradient at them comes back.
 */
#include "adam.h"
#include "members.h"
#include "net.h"

/* The tapes of all chunks of a batch lie one after the other. */
static int64_t num_chunks(int64_t size) { return (size + CHUNK - 1) / CHUNK; }

/* How many bytes `forward` keeps in its tape for a batch of a size. */
EXPORT int64_t forward_tape(const Network *net, int64_t size) {
  Memory memory = memory_at(NULL);
  for (int64_t chunk = 0; chunk < num_chunks(size); chunk++) take_tape(net, &memory);
  return memory.bytes;
}

/* What the networks say of obs [B, O]: heads [B, K] and values [B], NULL without a critic. */
EXPORT void forward(const Network *net, const float *params, const float *obs, int64_t size, float *heads,
                    float *values, void *tape_memory) {
  Memory memory = memory_at(tape_memory);
  for (int64_t first = 0; first < size; first += CHUNK) {
    const int count = size - first < CHUNK ? (int)(size - first) : CHUNK;
    const Tape tape = take_tape(net, &memory);
    gather_planes(obs, net->obs_size, NULL, first, count, tape.obs);
    forward_chunk(net, params, columns_of(count), &tape);
    scatter_planes(tape.head[0], net->num_outputs, first, count, heads);
    if (net->rows > 1) memcpy(values + first, tape.head[1], sizeof(float) * (size_t)count);
  }
}

/* How many bytes of scratch memory `backward` needs. */
EXPORT int64_t backward_scratch(const Network *net) {
  Memory memory = memory_at(NULL);
  take_backward(net, &memory);
  return memory.bytes;
}

/* The gradient of the parameters, [P], from those of what `forward` returned and its tape.
 *
 * grad_heads [B, K], grad_log_std [A] of a Gaussian (else NULL), grad_values [B] (NULL without a critic).
 * The tape's heads are overwritten. Returns the norm.
 */
EXPORT float backward(const Network *net, const float *params, int64_t size, const float *grad_heads,
                      const float *grad_log_std, const float *grad_values, float *grads, void *tape_memory,
                      void *scratch) {
  const int64_t num_params = (int64_t)net->rows * net->row_params;
  Memory memory = memory_at(tape_memory), own = memory_at(scratch);
  const Backward back = take_backward(net, &own);
  memset(grads, 0, sizeof(float) * (size_t)num_params);
  for (int64_t first = 0; first < size; first += CHUNK) {
    const int count = size - first < CHUNK ? (int)(size - first) : CHUNK;
    const Tape tape = take_tape(net, &memory);
    gather_planes(grad_heads, net->num_outputs, NULL, first, count, tape.head[0]);
    if (net->rows > 1) gather_planes(grad_values, 1, NULL, first, count, tape.head[1]);
    backward_chunk(net, params, count, &tape, tape.head, &back, grads);
  }
  if (net->distribution == GAUSSIAN && grad_log_std)
    memcpy(grads + log_std_place(net), grad_log_std, sizeof(float) * (size_t)net->num_actions);
  return norm_of(grads, num_params);
}

/* One step of Adam of each of `count` members that is active [M], with gradients [M, P] whose norms [M] are known,
 * clipped. members: see members.h. */
EXPORT void take_step(const Network *net, int64_t count, const Step *steps, const Trainable members[2],
                      const float *grads, const float *norms, const uint8_t *active) {
  for (int64_t m = 0; m < count; m++)
    if (active[m])
      step_member(net, &steps[m], grads + m * net->rows * net->row_params, norms[m], &AT(Trainable, members, m));
}
