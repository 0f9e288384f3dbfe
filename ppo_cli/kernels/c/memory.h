/* Memory for intermediate results: the caller gives it, a kernel cuts it up.
 *
 * The same function that cuts it also measures it: with `at` NULL it only counts.
 */
#ifndef PPO_MEMORY_H
#define PPO_MEMORY_H

#include "vec.h"

#define ALIGNMENT 64

typedef struct {
  char *at;
  int64_t bytes;
} Memory;

INLINE Memory memory_at(void *scratch) {
  if (!scratch) return (Memory){NULL, ALIGNMENT};
  const uintptr_t address = ((uintptr_t)scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return (Memory){(char *)address, ALIGNMENT};
}

/* The next `count` floats. */
static inline float *take(Memory *memory, int64_t count) {
  const int64_t bytes = padded(count) * (int64_t)sizeof(float);
  float *taken = (float *)memory->at;
  if (memory->at) memory->at += bytes;
  memory->bytes += bytes;
  return taken;
}

#endif
