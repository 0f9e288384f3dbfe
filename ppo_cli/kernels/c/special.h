/* Exponential functions and logarithms, the gamma function's logarithm and its derivatives.
 *
 * They are written out because a platform's own differ in their last bits. Polynomials of exp and log: Cephes
 * (Moshier 1989); tanh: the rational function that Eigen and XLA use. Within 2 units in the last place of float;
 * NaN, infinities, overflow and zeros come out as in the C library.
 */
#ifndef PPO_SPECIAL_H
#define PPO_SPECIAL_H

#include "vec.h"

INLINE vec exp_(vec x) {
  x = clamp(x, splat(-104.0f), splat(89.0f)); /* beyond them it is 0 and infinite */
  const vec shift = splat(12582912.0f);       /* 1.5 * 2^23: what is added to it is rounded to an integer */
  const vec shifted = mul_add(x, splat(1.44269504f), shift), n = shifted - shift;
  const ivec power = (ivec)shifted - (ivec)shift;
  x = mul_add(n, splat(-0.693359375f), x); /* ln 2 in two parts */
  x = mul_add(n, splat(2.12194440e-4f), x);
  vec y = splat(1.9875691500e-4f);
  y = mul_add(y, x, splat(1.3981999507e-3f));
  y = mul_add(y, x, splat(8.3334519073e-3f));
  y = mul_add(y, x, splat(4.1665795894e-2f));
  y = mul_add(y, x, splat(1.6666665459e-1f));
  y = mul_add(y, x, splat(5.0000001201e-1f));
  y = mul_add(y, x * x, x) + 1.0f;
  const ivec half = power >> 1; /* 2^power in two factors: it may be no float itself */
  return y * (vec)((half + 127) << 23) * (vec)((power - half + 127) << 23);
}

INLINE vec log_(vec x) {
  const ivec tiny = x < 1.17549435e-38f; /* denormal: computed from 2^24 times it */
  const vec scaled = choose(tiny, x * 16777216.0f, x);
  const ivec bits = (ivec)scaled;
  ivec power = ((bits >> 23) & 255) - 126 - (tiny & 24);
  vec m = (vec)((bits & 0x007fffff) | 0x3f000000); /* [0.5, 1) */
  const ivec low = m < 0.707106781f;
  power += low; /* -1 where low */
  m = choose(low, m + m, m) - 1.0f;
  const vec n = __builtin_convertvector(power, vec), square = m * m;
  vec y = splat(7.0376836292e-2f);
  y = mul_add(y, m, splat(-1.1514610310e-1f));
  y = mul_add(y, m, splat(1.1676998740e-1f));
  y = mul_add(y, m, splat(-1.2420140846e-1f));
  y = mul_add(y, m, splat(1.4249322787e-1f));
  y = mul_add(y, m, splat(-1.6668057665e-1f));
  y = mul_add(y, m, splat(2.0000714765e-1f));
  y = mul_add(y, m, splat(-2.4999993993e-1f));
  y = mul_add(y, m, splat(3.3333331174e-1f));
  y = mul_add(y * m, square, n * -2.12194440e-4f);
  y = mul_add(square, splat(-0.5f), y);
  const vec result = mul_add(n, splat(0.693359375f), m + y);
  const vec infinite = splat(__builtin_inff());
  /* NaN of what is below 0; NaN and infinity of themselves */
  const vec special = choose(x < 0.0f, splat(__builtin_nanf("")), choose(x == 0.0f, -infinite, x));
  return choose((x > 0.0f) & (x < infinite), result, special);
}

/* log(1 + x), exact where 1 + x is rounded: the error cancels out of the quotient (Kahan). */
INLINE vec log1p_(vec x) {
  const vec u = 1.0f + x, rounded = u - 1.0f;
  return choose(rounded == 0.0f, x, log_(u) * (x / choose(rounded == 0.0f, splat(1.0f), rounded)));
}

INLINE vec tanh_(vec x) {
  x = clamp(x, splat(-7.90531110763549805f), splat(7.90531110763549805f));
  const vec s = x * x;
  vec p = splat(-2.76076847742355e-16f), q = splat(1.19825839466702e-06f);
  p = mul_add(p, s, splat(2.00018790482477e-13f));
  p = mul_add(p, s, splat(-8.60467152213735e-11f));
  p = mul_add(p, s, splat(5.12229709037114e-08f));
  p = mul_add(p, s, splat(1.48572235717979e-05f));
  p = mul_add(p, s, splat(6.37261928875436e-04f));
  p = mul_add(p, s, splat(4.89352455891786e-03f));
  q = mul_add(q, s, splat(1.18534705686654e-04f));
  q = mul_add(q, s, splat(2.26843463243900e-03f));
  q = mul_add(q, s, splat(4.89352518554385e-03f));
  return x * p / q;
}

/* 1 / (1 + exp(-x)), the derivative of softplus. */
INLINE vec sigmoid(vec x) { return 1.0f / (1.0f + exp_(-x)); }

/* log(1 + exp(x)) */
INLINE vec softplus(vec x) { return log1p_(exp_(-magnitude(x))) + larger(x, splat(0.0f)); }

/* ---- in double precision, for arguments from 1 on ---- */

INLINE dvec log_double(dvec x) { /* fdlibm's e_log.c (Sun 1993), for normal numbers above 0 */
  const lvec bits = (lvec)x;
  lvec power = ((bits >> 52) & 2047) - 1022;
  dvec m = (dvec)((bits & 0x000fffffffffffffLL) | 0x3fe0000000000000LL); /* [0.5, 1) */
  const lvec low = m < 0.70710678118654752;
  power += low;
  const dvec f = choose_double(low, m + m, m) - 1.0, s = f / (2.0 + f), z = s * s;
  dvec r = splat_double(1.479819860511658591e-01);
  r = mul_add_double(r, z, splat_double(1.531383769920937332e-01));
  r = mul_add_double(r, z, splat_double(1.818357216161805012e-01));
  r = mul_add_double(r, z, splat_double(2.222219843214978396e-01));
  r = mul_add_double(r, z, splat_double(2.857142874366239149e-01));
  r = mul_add_double(r, z, splat_double(3.999999999940941908e-01));
  r = mul_add_double(r, z, splat_double(6.666666666666735130e-01));
  r = r * z;
  const dvec half = 0.5 * f * f, n = __builtin_convertvector(power, dvec);
  const dvec low_part = mul_add_double(s, half + r, n * 1.90821492927058770002e-10);
  const dvec result = mul_add_double(n, splat_double(6.93147180369123816490e-01), f - (half - low_part));
  const dvec infinite = splat_double(__builtin_inf());
  return choose_double((x > 0.0) & (x < infinite), result, x);
}

/* Of x in [1, 9) the asymptotic series below are taken at x + 8, and brought back by recurrences: the product
 * x (x + 1) ... (x + 7), the sum of the reciprocals of its factors, or that of their squares'. */
#define STEPS 8

typedef struct {
  dvec at;    /* where the series is taken */
  lvec moved; /* whether that is not x itself */
} Moved;

INLINE Moved moved(dvec x) {
  const lvec small = x < (double)(STEPS + 1);
  return (Moved){choose_double(small, x + (double)STEPS, x), small};
}

/* log Gamma(x): Stirling's series. */
INLINE dvec lgamma_(dvec x) {
  const Moved far = moved(x);
  dvec product = choose_double(far.moved, x, splat_double(1.0));
  for (int i = 1; i < STEPS; i++)
    product = choose_double(far.moved, product * (x + (double)i), product);
  const dvec y = far.at, inverse = 1.0 / y, z = inverse * inverse;
  dvec series = splat_double(1.0 / 1188.0);
  series = mul_add_double(series, z, splat_double(-1.0 / 1680.0));
  series = mul_add_double(series, z, splat_double(1.0 / 1260.0));
  series = mul_add_double(series, z, splat_double(-1.0 / 360.0));
  series = mul_add_double(series, z, splat_double(1.0 / 12.0));
  const dvec stirling = mul_add_double(y - 0.5, log_double(y), 0.91893853320467274178 - y);
  return stirling + series * inverse - log_double(product);
}

/* psi(x), the derivative of log Gamma. */
INLINE dvec digamma(dvec x) {
  const Moved far = moved(x);
  dvec above = splat_double(1.0), below = x; /* the sum of reciprocals, as one fraction */
  for (int i = 1; i < STEPS; i++) {
    const dvec factor = x + (double)i;
    above = mul_add_double(above, factor, below), below = below * factor;
  }
  const dvec y = far.at, inverse = 1.0 / y, z = inverse * inverse;
  dvec series = splat_double(1.0 / 132.0);
  series = mul_add_double(series, z, splat_double(-1.0 / 240.0));
  series = mul_add_double(series, z, splat_double(1.0 / 252.0));
  series = mul_add_double(series, z, splat_double(-1.0 / 120.0));
  series = mul_add_double(series, z, splat_double(1.0 / 12.0));
  const dvec there = log_double(y) - 0.5 * inverse - series * z;
  return there - choose_double(far.moved, above / below, splat_double(0.0));
}

/* psi'(x), the second derivative. */
INLINE dvec trigamma(dvec x) {
  const Moved far = moved(x);
  dvec above = splat_double(1.0), below = x * x;
  for (int i = 1; i < STEPS; i++) {
    const dvec factor = x + (double)i, square = factor * factor;
    above = mul_add_double(above, square, below), below = below * square;
  }
  const dvec y = far.at, inverse = 1.0 / y, z = inverse * inverse;
  dvec series = splat_double(5.0 / 66.0);
  series = mul_add_double(series, z, splat_double(-1.0 / 30.0));
  series = mul_add_double(series, z, splat_double(1.0 / 42.0));
  series = mul_add_double(series, z, splat_double(-1.0 / 30.0));
  series = mul_add_double(series, z, splat_double(1.0 / 6.0));
  const dvec there = inverse + 0.5 * z + series * z * inverse;
  return there + choose_double(far.moved, above / below, splat_double(0.0));
}

#endif
