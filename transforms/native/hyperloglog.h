/* Registers of a HyperLogLog sketch, filled as the library datasketches fills them. */

#ifndef HYPERLOGLOG_H
#define HYPERLOGLOG_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#define SEED 9001
#define MOST_ZEROS 62

static uint64_t turned(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdULL;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return value ^ value >> 33;
}

static uint64_t word(const unsigned char *text, int64_t length)
{
    uint64_t found = 0;
    for (int64_t i = 0; i < length; i++)
        found |= (uint64_t)text[i] << 8 * i;
    return found;
}

/* MurmurHash3_x64_128. */
static void murmur(const unsigned char *text, int64_t length, uint64_t hash[2])
{
    const uint64_t c1 = 0x87c37b91114253d5ULL, c2 = 0x4cf5ad432745937fULL;
    uint64_t h1 = SEED, h2 = SEED;
    int64_t left = length;
    for (; left >= 16; left -= 16, text += 16) {
        h1 ^= turned(word(text, 8) * c1, 31) * c2;
        h1 = (turned(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= turned(word(text + 8, 8) * c2, 33) * c1;
        h2 = (turned(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    if (left > 8)
        h2 ^= turned(word(text + 8, left - 8) * c2, 33) * c1;
    if (left > 0)
        h1 ^= turned(word(text, left < 8 ? left : 8) * c1, 31) * c2;
    h1 ^= (uint64_t)length;
    h2 ^= (uint64_t)length;
    h1 += h2;
    h2 += h1;
    h1 = mixed(h1);
    h2 = mixed(h2);
    hash[0] = h1 + h2;
    hash[1] = hash[0] + h2;
}

#endif
