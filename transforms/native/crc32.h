/* CRC-32 (ISO-HDLC, that of zlib), as Avro has it behind a block. */

#ifndef CRC32_H
#define CRC32_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#define MAY_FOLD
#endif

static uint32_t crc_tables[8][256];

static void make_crc_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        crc_tables[0][byte] = crc;
    }
    for (int table = 1; table < 8; table++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = crc_tables[table - 1][byte];
            crc_tables[table][byte] = before >> 8 ^ crc_tables[0][before & 0xFF];
        }
}

static uint32_t add_by_tables(uint32_t crc, const unsigned char *at, Py_ssize_t length)
{
    for (; length >= 8; at += 8, length -= 8) {
        uint32_t low = crc ^ (at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = crc_tables[7][low & 0xFF] ^ crc_tables[6][low >> 8 & 0xFF] ^ crc_tables[5][low >> 16 & 0xFF] ^
              crc_tables[4][low >> 24] ^ crc_tables[3][at[4]] ^ crc_tables[2][at[5]] ^ crc_tables[1][at[6]] ^
              crc_tables[0][at[7]];
    }
    for (; length > 0; at++, length--)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *at) & 0xFF];
    return crc;
}

#ifdef MAY_FOLD
/* Folds 64 bytes at a time by carry-less multiplication, as in Gopal et al., "Fast CRC Computation for Generic Polynomials
   Using PCLMULQDQ Instruction" (Intel, 2009); the constants are its powers of x for the reflected polynomial of CRC-32.
   The last 16 bytes are left to the tables. The length is at least 64, and a multiple of 16. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t add_by_folding(uint32_t crc, const unsigned char *at,
                                                                       Py_ssize_t length)
{
    const __m128i by_64 = _mm_set_epi64x(0x01C6E41596, 0x0154442BD4), by_16 = _mm_set_epi64x(0x00CCAA009E, 0x01751997D0);
    __m128i folded[4];
    for (int lane = 0; lane < 4; lane++)
        folded[lane] = _mm_loadu_si128((const __m128i *)at + lane);
    folded[0] = _mm_xor_si128(folded[0], _mm_cvtsi32_si128((int)crc));
    for (at += 64, length -= 64; length >= 64; at += 64, length -= 64)
        for (int lane = 0; lane < 4; lane++) {
            const __m128i low = _mm_clmulepi64_si128(folded[lane], by_64, 0x00);
            const __m128i high = _mm_clmulepi64_si128(folded[lane], by_64, 0x11);
            folded[lane] = _mm_xor_si128(_mm_xor_si128(low, high), _mm_loadu_si128((const __m128i *)at + lane));
        }
    __m128i all = folded[0];
    for (int lane = 1; lane < 4 + length / 16; lane++) {
        const __m128i low = _mm_clmulepi64_si128(all, by_16, 0x00), high = _mm_clmulepi64_si128(all, by_16, 0x11);
        const __m128i next = lane < 4 ? folded[lane] : _mm_loadu_si128((const __m128i *)at + lane - 4);
        all = _mm_xor_si128(_mm_xor_si128(low, high), next);
    }
    unsigned char tail[16];
    _mm_storeu_si128((__m128i *)tail, all);
    return add_by_tables(0, tail, sizeof tail);
}
#endif

static int can_fold;

static void prepare_crc32(void)
{
    make_crc_tables();
#ifdef MAY_FOLD
    unsigned a, b, c, d;
    can_fold = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_PCLMUL) && (c & bit_SSE4_1);
#endif
}

static uint32_t crc32_of(const unsigned char *at, Py_ssize_t length)
{
    uint32_t crc = 0xFFFFFFFFu;
#ifdef MAY_FOLD
    if (can_fold && length >= 64) {
        const Py_ssize_t whole = length & ~(Py_ssize_t)15;
        crc = add_by_folding(crc, at, whole);
        at += whole;
        length -= whole;
    }
#endif
    return ~add_by_tables(crc, at, length);
}

#endif
