/* Networks forward and backward: see net.h. */
#include "net.h"

Tape take_tape(const Network *net, Memory *memory) {
  Tape tape;
  tape.obs = take(memory, (int64_t)net->obs_size * PLANE);
  for (int row = 0; row < net->rows; row++) {
    for (int l = 0; l < net->num_hidden; l++) tape.hidden[row][l] = take(memory, (int64_t)net->hidden[l] * PLANE);
    tape.head[row] = take(memory, (int64_t)used_outputs(net, row) * PLANE);
  }
  return tape;
}

void gather_planes(const float *values, int width, const int64_t *order, int64_t first, int count,
                          float *planes) {
  for (int b = 0; b < columns_of(count); b++) {
    const int place = b < count ? b : count - 1;
    const float *row = values + (order ? order[place] : first + place) * width;
    for (int i = 0; i < width; i++) planes[i * PLANE + b] = row[i];
  }
}

void scatter_planes(const float *planes, int width, int64_t first, int count, float *values) {
  for (int b = 0; b < count; b++)
    for (int i = 0; i < width; i++) values[(first + b) * width + i] = planes[i * PLANE + b];
}

/* ---- forward ---- */

static void activate_planes(int activation, int units, int columns, float *planes) {
  for (int i = 0; i < units; i++)
    for (int b = 0; b < columns; b += LANES) {
      float *at = planes + i * PLANE + b;
      store(at, activate(activation, load(at)));
    }
}

/* out[n, b] = bias[n] + sum over k of weight[k, n] below[k, b], of the first `units` outputs */
static void forward_layer(const Layer *layer, int units, int columns, const float *params, const float *below,
                          float *out) {
  const Product product = {
      .rows = units, .columns = columns, .depth = layer->in,
      .left = params + layer->weight, .left_row = 1, .left_k = layer->out,
      .right = below, .right_row = PLANE,
      .out = out, .out_row = PLANE,
  };
  matmul(&product, FROM_ROW, params + layer->bias);
}

void forward_row(const Network *net, int row, const float *params, int columns, const Tape *tape) {
  const float *below = tape->obs;
  for (int l = 0; l < net->num_hidden; l++) {
    const Layer layer = layer_of(net, l);
    float *out = tape->hidden[row][l];
    forward_layer(&layer, layer.out, columns, params, below, out);
    activate_planes(net->activation, layer.out, columns, out);
    below = out;
  }
  const Layer head = layer_of(net, net->num_hidden);
  forward_layer(&head, used_outputs(net, row), columns, params, below, tape->head[row]);
}

void forward_chunk(const Network *net, const float *params, int columns, const Tape *tape) {
  for (int row = 0; row < net->rows; row++)
    forward_row(net, row, params + (int64_t)row * net->row_params, columns, tape);
}

/* ---- backward ---- */

Backward take_backward(const Network *net, Memory *memory) {
  Backward back;
  for (int i = 0; i < 2; i++) back.grad[i] = take(memory, (int64_t)widest(net) * PLANE);
  back.transposed = take(memory, CHUNK * apart(widest(net)));
  back.turned = take(memory, FEW * apart(widest(net)));
  return back;
}

/* grads += below^T grad: the gradient of a layer's weights, from that of its first `units` outputs */
static void backward_weights(const Layer *layer, int units, int count, const float *below, const float *grad,
                             const Backward *back, float *grads) {
  const int64_t row = apart(units);
  transpose(units, columns_of(count), grad, PLANE, back->transposed, row);
  const Product product = {
      .rows = layer->in, .columns = units, .depth = count,
      .left = below, .left_row = PLANE, .left_k = 1,
      .right = back->transposed, .right_row = row,
      .out = grads, .out_row = layer->out,
  };
  matmul(&product, FROM_OUT, NULL);
}

/* The same sums, of a few outputs of many inputs, with vectors that run along the inputs: the heads'. */
static void backward_few_weights(const Layer *layer, int units, int count, const float *below, const float *grad,
                                 const Backward *back, float *grads) {
  const int64_t row = apart(layer->in);
  transpose(layer->in, columns_of(count), below, PLANE, back->transposed, row);
  for (int n = 0; n < units; n++)
    for (int k = 0; k < layer->in; k++) back->turned[n * row + k] = grads[(int64_t)k * layer->out + n];
  const Product product = {
      .rows = units, .columns = layer->in, .depth = count,
      .left = grad, .left_row = PLANE, .left_k = 1,
      .right = back->transposed, .right_row = row,
      .out = back->turned, .out_row = row,
  };
  matmul(&product, FROM_OUT, NULL);
  for (int n = 0; n < units; n++)
    for (int k = 0; k < layer->in; k++) grads[(int64_t)k * layer->out + n] = back->turned[n * row + k];
}

/* A bias is the weight of an input that is always 1. */
static void backward_biases(int units, int count, const float *grad, float *grads) {
  for (int n = 0; n < units; n++) {
    vec sum = {0};
    for (int b = 0; b < count; b += LANES) sum += load_first(grad + n * PLANE + b, count - b);
    grads[n] += sum_of_lanes(sum);
  }
}

/* The gradient of what is below a layer, through the activation there. */
static void backward_below(const Network *net, const Layer *layer, int units, int columns, const float *params,
                           const float *grad, const float *below, float *grad_below) {
  const Product product = {
      .rows = layer->in, .columns = columns, .depth = units,
      .left = params + layer->weight, .left_row = layer->out, .left_k = 1,
      .right = grad, .right_row = PLANE,
      .out = grad_below, .out_row = PLANE,
  };
  matmul(&product, FROM_ZERO, NULL);
  for (int i = 0; i < layer->in; i++)
    for (int b = 0; b < columns; b += LANES) {
      const vec y = load(below + i * PLANE + b), g = load(grad_below + i * PLANE + b);
      const vec through = net->activation == TANH ? g * (1.0f - y * y) : choose(y <= 0.0f, splat(0.0f), g);
      store(grad_below + i * PLANE + b, through);
    }
}

/* grads += the gradient of one network's parameters, from that of its head [K, PLANE] */
static void backward_row(const Network *net, int row, const float *params, int count, const Tape *tape,
                         const float *grad_head, const Backward *back, float *grads) {
  const float *grad = grad_head;
  for (int l = net->num_hidden; l >= 0; l--) {
    const Layer layer = layer_of(net, l);
    const int units = l == net->num_hidden ? used_outputs(net, row) : layer.out;
    const float *below = l ? tape->hidden[row][l - 1] : tape->obs;
    float *weights = grads + layer.weight;
    if (units < FEW && units < layer.in) backward_few_weights(&layer, units, count, below, grad, back, weights);
    else backward_weights(&layer, units, count, below, grad, back, weights);
    backward_biases(units, count, grad, grads + layer.bias);
    if (l) {
      backward_below(net, &layer, units, columns_of(count), params, grad, below, back->grad[l % 2]);
      grad = back->grad[l % 2];
    }
  }
}

void backward_chunk(const Network *net, const float *params, int count, const Tape *tape,
                           float *const grad_heads[2], const Backward *back, float *grads) {
  for (int row = 0; row < net->rows; row++) {
    const int64_t at = (int64_t)row * net->row_params;
    backward_row(net, row, params + at, count, tape, grad_heads[row], back, grads + at);
  }
}
