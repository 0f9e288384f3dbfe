/* The members of a population: where the numbers of each lie. */
#ifndef PPO_MEMBERS_H
#define PPO_MEMBERS_H

#include <stdint.h>
#include <string.h>

/* Structs of addresses come in twos: those of member 0, and by how many bytes those of the next member lie further. So
 * callers fill in two structs, however many members there are. Such a struct has nothing but words of 64 bits; what is
 * the same for all members, and what there is none of, lies no bytes further. */
#define AT(type, pair, m) (*(const type *)member_at(pair, m, sizeof(type), &(type){0}))

static inline const void *member_at(const void *pair, int64_t m, size_t bytes, void *own) {
  for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
    uint64_t word, further;
    memcpy(&word, (const char *)pair + i, sizeof word);
    memcpy(&further, (const char *)pair + bytes + i, sizeof further);
    word += (uint64_t)m * further;
    memcpy((char *)own + i, &word, sizeof word);
  }
  return own;
}

#endif
