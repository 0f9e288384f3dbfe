/* Matrix products for small networks, and the transposition that they need.
 *
 * Each output is one chain of fused multiply-adds in the order of k, whatever the blocks below and the width of
 * the machine's vectors: its bits depend on nothing else.
 */
#ifndef PPO_MATMUL_H
#define PPO_MATMUL_H

#include "vec.h"

/* out[r, c] = start + sum over k of left[r, k] * right[k, c]
 *
 * left: element [r, k] is at r * left_row + k * left_k, so it may be a transposed matrix.
 * right: [depth, columns], rows `right_row` apart, readable up to a whole number of vectors.
 * out: [rows, columns], rows `out_row` apart.
 */
typedef struct {
  int rows, columns, depth;
  const float *left;
  int64_t left_row, left_k;
  const float *right;
  int64_t right_row;
  float *out;
  int64_t out_row;
} Product;

/* Where the chains start: at 0, at a number for each row, at one for each column, at what is in `out`. */
typedef enum { FROM_ZERO, FROM_ROW, FROM_COLUMN, FROM_OUT } Start;

/* bias: [rows] or [columns], where chains start with it. */
void matmul(const Product *product, Start start, const float *bias);

/* in [rows, columns] to out [columns, rows]; both with rows of whole vectors, of which those of `in` may hold anything
 * beyond its columns and those of `out` become 0 beyond its own. */
void transpose(int rows, int columns, const float *in, int64_t in_row, float *out, int64_t out_row);

#endif
