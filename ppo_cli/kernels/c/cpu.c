/* Which instructions this processor has; built for the oldest of its kind, and loaded before any kernel.
 *
 * The levels are those of the x86-64 psABI: 3 has AVX2 and fused multiply-adds, 4 has AVX-512. An operating system that
 * does not save the wide registers makes them unusable; XGETBV tells.
 */
#include "export.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

static uint32_t leaf(uint32_t number, int output) {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(number, 0, &eax, &ebx, &ecx, &edx)) return 0;
  return output == 0 ? eax : output == 1 ? ebx : output == 2 ? ecx : edx;
}

static int has(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }

EXPORT int cpu_level(void) {
  /* Each leaf's bits, by number: Intel's manual, CPUID. */
  const uint32_t fma = 1u << 12, movbe = 1u << 22, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  const uint32_t bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8, lzcnt = 1u << 5;
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; /* F, DQ, CD, BW, VL */
  const uint32_t saves_ymm = 0x6, saves_zmm = 0xe6;
  if (!has(leaf(1, 2), fma | movbe | osxsave | avx | f16c) || !has(leaf(0x80000001u, 2), lzcnt)) return 0;
  uint32_t saved, upper;
  __asm__("xgetbv" : "=a"(saved), "=d"(upper) : "c"(0));
  if (!has(saved, saves_ymm) || !has(leaf(7, 1), avx2 | bmi1 | bmi2)) return 0;
  return has(saved, saves_zmm) && has(leaf(7, 1), avx512) ? 4 : 3;
}

/* Family, model and stepping, as CPUID packs them. */
EXPORT unsigned cpu_model(void) { return leaf(1, 0); }
#else
EXPORT int cpu_level(void) { return 1; }
EXPORT unsigned cpu_model(void) { return 0; }
#endif
