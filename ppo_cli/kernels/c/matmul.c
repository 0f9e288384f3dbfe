/* Matrix products and transposition, in blocks that stay in registers. */
#include "matmul.h"

/* Keeps the compiler from working out a variable from others, anew in each turn of a loop. */
#define KEEP(variable) __asm__("" : "+r"(variable))

#ifdef __AVX512F__
#define WIDE 4 /* vectors side by side in a block: 6 x 4 of them stay in the 32 registers */
#else
#define WIDE 1 /* 6 x 1 of twice the registers in 16 */
#endif

/* rows x vecs outputs at (r, c), in registers while k runs; `rows`, `vecs` and `whole` are constants when inlined.
 * whole: the last vector is full of columns. */
INLINE void block(const Product *p, Start start, const float *bias, int r, int c, const int rows, const int vecs,
                  const int whole) {
  vec sum[6][4];
  const int64_t row = p->left_row;
  const float *left = p->left + r * row, *lower = left + 3 * row, *right = p->right + c;
  float *out = p->out + r * p->out_row + c;
  const int tail = whole ? LANES : p->columns - c - (vecs - 1) * LANES; /* lanes of the last vector */
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vecs; j++) {
      const int count = j == vecs - 1 ? tail : LANES;
      sum[i][j] = start == FROM_ROW      ? splat(bias[r + i])
                  : start == FROM_COLUMN ? load_first(bias + c + j * LANES, count)
                  : start == FROM_OUT    ? load_first(out + i * p->out_row + j * LANES, count)
                                         : splat(0.0f);
    }
  }
  for (int k = 0; k < p->depth; k++, left += p->left_k, lower += p->left_k, right += p->right_row) {
    KEEP(lower); /* from two pointers all six rows are in reach: without it five sums wait for each other */
    vec b[4];
    UNROLL for (int j = 0; j < vecs; j++) b[j] = load(right + j * LANES);
    UNROLL for (int i = 0; i < rows; i++) {
      const vec a = splat(i < 3 ? left[i * row] : lower[(i - 3) * row]);
      UNROLL for (int j = 0; j < vecs; j++) sum[i][j] = mul_add(a, b[j], sum[i][j]);
    }
  }
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vecs; j++)
      store_first(out + i * p->out_row + j * LANES, sum[i][j], j == vecs - 1 ? tail : LANES);
  }
}

/* All rows of `vecs` columns of vectors. */
INLINE void panel(const Product *p, Start start, const float *bias, int c, const int vecs, const int whole) {
  int r = 0;
  for (; r + 6 <= p->rows; r += 6) block(p, start, bias, r, c, 6, vecs, whole);
  if (r + 4 <= p->rows) block(p, start, bias, r, c, 4, vecs, whole), r += 4;
  if (r + 2 <= p->rows) block(p, start, bias, r, c, 2, vecs, whole), r += 2;
  if (r < p->rows) block(p, start, bias, r, c, 1, vecs, whole);
}

void matmul(const Product *p, Start start, const float *bias) {
  int c = 0;
  for (; c + WIDE * LANES <= p->columns; c += WIDE * LANES) panel(p, start, bias, c, WIDE, 1);
#if WIDE > 2
  for (; c + 2 * LANES <= p->columns; c += 2 * LANES) panel(p, start, bias, c, 2, 1);
#endif
#if WIDE > 1
  for (; c + LANES <= p->columns; c += LANES) panel(p, start, bias, c, 1, 1);
#endif
  if (c < p->columns) panel(p, start, bias, c, 1, 0);
}

/* ---- transposition ---- */

/* Lanes whose number has the bit `d` change places between x and y: lane i + d of x with lane i of y. */
#define SWAP_1(x, y)                                                                                           \
  __builtin_shufflevector(x, y, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),                    \
      __builtin_shufflevector(x, y, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
#define SWAP_2(x, y)                                                                                           \
  __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),                     \
      __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define SWAP_4(x, y)                                                                                           \
  __builtin_shufflevector(x, y, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),                     \
      __builtin_shufflevector(x, y, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define SWAP_8(x, y)                                                                                           \
  __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),                       \
      __builtin_shufflevector(x, y, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define SWAP_ALL(rows, d)                                                                                      \
  UNROLL for (int i = 0; i < LANES; i++) if (!(i & d)) {                                                       \
    const vec both[2] = {SWAP_##d(rows[i], rows[i + d])};                                                      \
    rows[i] = both[0], rows[i + d] = both[1];                                                                  \
  }

INLINE void transpose_16(const float *in, int64_t in_row, int rows, float *out, int64_t out_row) {
  vec x[LANES];
  UNROLL for (int i = 0; i < LANES; i++) x[i] = i < rows ? load(in + i * in_row) : splat(0.0f);
  SWAP_ALL(x, 1) SWAP_ALL(x, 2) SWAP_ALL(x, 4) SWAP_ALL(x, 8)
  UNROLL for (int i = 0; i < LANES; i++) store(out + i * out_row, x[i]);
}

void transpose(int rows, int columns, const float *in, int64_t in_row, float *out, int64_t out_row) {
  for (int r = 0; r < rows; r += LANES)
    for (int c = 0; c < columns; c += LANES)
      transpose_16(in + r * in_row + c, in_row, rows - r < LANES ? rows - r : LANES, out + c * out_row + r, out_row);
}
