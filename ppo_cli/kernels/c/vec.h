/* Vectors of 16 floats, by the vector extensions of clang and GCC.
 *
 * A vec is one register where the machine has AVX-512 and two where it has AVX2. Nothing here depends on that:
 * the order of every sum is that of 16 lanes, and products are added by explicit fused multiply-adds, so all
 * builds give the same bits. (They are compiled with -ffp-contract=off: no compiler fuses what is not written so.)
 *
 * NaN goes through: `smaller(x, bound)` and `larger(x, bound)` return x where it is NaN.
 */
#ifndef PPO_VEC_H
#define PPO_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float vec_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef double dvec __attribute__((vector_size(8 * LANES)));
typedef int64_t lvec __attribute__((vector_size(8 * LANES)));

/* ---- between memory and registers ---- */

INLINE vec load(const float *p) { return *(const vec_anywhere *)p; }
INLINE void store(float *p, vec x) { *(vec_anywhere *)p = x; }
INLINE ivec load_ints(const int32_t *p) { return *(const ivec_anywhere *)p; }

/* The first `count` lanes; the others are 0, and stay as they are in memory. */
INLINE vec load_first(const float *p, int count) {
  if (count >= LANES) return load(p);
  vec x = {0};
  memcpy(&x, p, (size_t)count * sizeof(float));
  return x;
}
INLINE void store_first(float *p, vec x, int count) {
  if (count >= LANES) store(p, x);
  else memcpy(p, &x, (size_t)count * sizeof(float));
}

/* ---- lane by lane ---- */

INLINE vec splat(float x) { return x - (vec){0}; }
INLINE dvec splat_double(double x) { return x - (dvec){0}; }
INLINE vec choose(ivec condition, vec yes, vec no) {
  return (vec)(((ivec)yes & condition) | ((ivec)no & ~condition));
}
INLINE dvec choose_double(lvec condition, dvec yes, dvec no) {
  return (dvec)(((lvec)yes & condition) | ((lvec)no & ~condition));
}
INLINE vec smaller(vec x, vec bound) { return choose(bound < x, bound, x); }
INLINE vec larger(vec x, vec bound) { return choose(x < bound, bound, x); }
INLINE vec clamp(vec x, vec low, vec high) { return smaller(larger(x, low), high); }
INLINE vec magnitude(vec x) { return (vec)((ivec)x & 0x7fffffff); }
INLINE dvec to_double(vec x) { return __builtin_convertvector(x, dvec); }
INLINE vec to_float(dvec x) { return __builtin_convertvector(x, vec); }

#if defined(__clang__)
INLINE vec mul_add(vec a, vec b, vec c) { return __builtin_elementwise_fma(a, b, c); }
INLINE dvec mul_add_double(dvec a, dvec b, dvec c) { return __builtin_elementwise_fma(a, b, c); }
INLINE vec root(vec x) { return __builtin_elementwise_sqrt(x); }
#else /* the same numbers, by compilers that have no such builtins */
INLINE vec mul_add(vec a, vec b, vec c) {
  for (int i = 0; i < LANES; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
}
INLINE dvec mul_add_double(dvec a, dvec b, dvec c) {
  for (int i = 0; i < LANES; i++) c[i] = __builtin_fma(a[i], b[i], c[i]);
  return c;
}
INLINE vec root(vec x) {
  for (int i = 0; i < LANES; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
}
#endif

/* ---- across the lanes, always in the same order ---- */

INLINE float sum_of_lanes(vec x) {
  float s[LANES];
  memcpy(s, &x, sizeof s);
  for (int half = LANES / 2; half; half /= 2)
    for (int i = 0; i < half; i++) s[i] += s[i + half];
  return s[0];
}

/* How many floats a row takes that is made of whole vectors. */
INLINE int64_t padded(int64_t count) { return (count + LANES - 1) / LANES * LANES; }

#endif
