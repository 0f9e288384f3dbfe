/* Multilayer perceptrons, forward and backward, on CHUNK observations at a time.
 *
 * Within a chunk everything is turned round: a plane of numbers for each unit, [units, PLANE], so that vectors run
 * along the batch. Any width fits then, and losses work on vectors of transitions. Batches of any size are worked
 * through chunk by chunk; gradients go on from one chunk to the next as one sum, so a chunk's size is no rounding.
 */
#ifndef PPO_NET_H
#define PPO_NET_H

#include "kernels.h"
#include "matmul.h"
#include "memory.h"
#include "special.h"

#define CHUNK 128 /* a layer of 64 units takes 32 kB, a first-level cache */
#define PLANE (CHUNK + LANES) /* from a plane to the next: by powers of two they would meet in few sets of the cache */
#define LEAST_EXCESS 1e-6f /* of a Beta distribution's shapes over 1 */

/* Columns of a chunk that are computed: whole vectors. */
INLINE int columns_of(int count) { return (int)padded(count); }

/* ---- shapes ---- */

typedef struct {
  int in, out;
  int64_t weight, bias; /* where they begin in a row of parameters */
} Layer;

/* Layers of one of a member's networks: the hidden ones, then the head, `net->num_hidden` its number. */
INLINE Layer layer_of(const Network *net, int index) {
  Layer layer = {0, net->obs_size, 0, 0};
  int64_t at = 0;
  for (int l = 0; l <= index; l++) {
    layer.in = layer.out;
    layer.out = l < net->num_hidden ? net->hidden[l] : net->head_width;
    layer.weight = at;
    layer.bias = at + (int64_t)layer.in * layer.out;
    at = layer.bias + layer.out;
  }
  return layer;
}

INLINE int64_t log_std_place(const Network *net) {
  const Layer head = layer_of(net, net->num_hidden);
  return head.bias + head.out;
}

INLINE int used_outputs(const Network *net, int row) { return row == 0 ? net->num_outputs : 1; }

INLINE int widest(const Network *net) {
  int width = net->obs_size > net->head_width ? net->obs_size : net->head_width;
  for (int l = 0; l < net->num_hidden; l++) width = net->hidden[l] > width ? net->hidden[l] : width;
  return width;
}

/* From one row of `width` floats to the next, as with PLANE. */
INLINE int64_t apart(int width) { return padded(width) + LANES; }

/* ---- planes of a chunk ---- */

/* What a member's networks computed of one chunk. */
typedef struct {
  float *obs;                   /* [O, PLANE] */
  float *hidden[2][MAX_HIDDEN]; /* [units, PLANE] of each layer of actor and critic */
  float *head[2];               /* [K, PLANE] of the actor, [1, PLANE] of the critic */
} Tape;

Tape take_tape(const Network *net, Memory *memory);

/* Planes [width, PLANE] of `count` rows of values [B, width]: rows order[0], order[1], ..., or first, first + 1,
 * ... where order is NULL. What fills the last vector is the last row once more: numbers like the others. */
void gather_planes(const float *values, int width, const int64_t *order, int64_t first, int count, float *planes);

/* The other way: `count` rows of values [B, width] from first on. */
void scatter_planes(const float *planes, int width, int64_t first, int count, float *values);

/* ---- forward ---- */

INLINE vec activate(int activation, vec x) { return activation == TANH ? tanh_(x) : larger(x, splat(0.0f)); }

/* One of a member's networks on the observations of the tape: its hidden outputs and its head. */
void forward_row(const Network *net, int row, const float *params, int columns, const Tape *tape);

/* All of a member's networks. */
void forward_chunk(const Network *net, const float *params, int columns, const Tape *tape);

/* ---- backward ---- */

#define FEW 8 /* outputs that do not fill a vector */

/* Memory of the backward pass. */
typedef struct {
  float *grad[2];    /* [widest, PLANE], of the outputs of two layers in turn */
  float *transposed; /* [CHUNK, apart(widest)] */
  float *turned;     /* [FEW, apart(widest)] */
} Backward;

Backward take_backward(const Network *net, Memory *memory);

/* grads [P] += the gradient of a member's parameters, from those of its heads */
void backward_chunk(const Network *net, const float *params, int count, const Tape *tape, float *const grad_heads[2],
                    const Backward *back, float *grads);

#endif
