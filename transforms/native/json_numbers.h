/* Numbers of JSON: the nearest double, or the integer. */

#ifndef JSON_NUMBERS_H
#define JSON_NUMBERS_H

#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "shredder.h"

typedef struct {
    const char *start;
    int length;
    int is_integer, has_exponent, is_negative;
    int digits; /* without leading zeros */
    int fraction; /* digits behind the point */
    uint64_t mantissa; /* of up to 19 digits */
} Number;

/* The token of a number; NULL where it is none, or one of more digits than are dealt with here. */
static const char *scan_number(const char *at, Number *number)
{
    *number = (Number){.start = at, .is_integer = 1};
    if (*at == '-') {
        number->is_negative = 1;
        at++;
    }
    if (*at < '0' || *at > '9')
        return NULL;
    if (*at == '0' && at[1] >= '0' && at[1] <= '9')
        return NULL;
    uint64_t mantissa = 0;
    int digits = 0, fraction = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        digits += digits > 0 || *at != '0';
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        if (digits > 19)
            return NULL;
    }
    if (*at == '.') {
        number->is_integer = 0;
        at++;
        if (*at < '0' || *at > '9')
            return NULL;
        for (; *at >= '0' && *at <= '9'; at++, fraction++) {
            digits += digits > 0 || *at != '0';
            mantissa = mantissa * 10 + (uint64_t)(*at - '0');
            if (digits > 19)
                return NULL;
        }
    }
    if (*at == 'e' || *at == 'E') {
        number->is_integer = 0;
        number->has_exponent = 1;
        at++;
        if (*at == '+' || *at == '-')
            at++;
        int exponent_digits = 0;
        for (; *at >= '0' && *at <= '9'; at++)
            exponent_digits++;
        if (exponent_digits < 1 || exponent_digits > 2)
            return NULL;
    }
    if (at - number->start > LONGEST_TOKEN)
        return NULL;
    number->length = (int)(at - number->start);
    number->digits = digits;
    number->fraction = fraction;
    number->mantissa = mantissa;
    return at;
}

static int bits_of(uint64_t value)
{
    int bits = 0;
    for (int step = 32; step > 0; step /= 2)
        if (value >> step) {
            value >>= step;
            bits += step;
        }
    return bits + (value != 0);
}

/* The double nearest to the token, ties to even; 0 where it cannot be had. */
static int to_double(const Number *number, double *value)
{
    static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!number->has_exponent) {
        if (number->mantissa <= 1ULL << 53 && number->fraction <= 22) {
            /* Both are exact as doubles, so that their quotient is rounded once. */
            double found = (double)number->mantissa / TENS[number->fraction];
            *value = number->is_negative ? -found : found;
            return 1;
        }
#ifdef __SIZEOF_INT128__
        if (number->fraction <= 19) {
            uint64_t divisor = 1;
            for (int i = 0; i < number->fraction; i++)
                divisor *= 10;
            /* mantissa / divisor with all bits that a double has, and one for whether anything is left. */
            int shift = 128 - bits_of(number->mantissa);
            unsigned __int128 scaled = (unsigned __int128)number->mantissa << shift;
            unsigned __int128 quotient = scaled / divisor;
            int sticky = quotient * divisor != scaled;
            uint64_t top = (uint64_t)(quotient >> 64);
            int drop = (top ? 64 + bits_of(top) : bits_of((uint64_t)quotient)) - 53;
            uint64_t kept = (uint64_t)(quotient >> drop);
            unsigned __int128 remainder = quotient - ((unsigned __int128)kept << drop);
            unsigned __int128 half = (unsigned __int128)1 << (drop - 1);
            if (remainder > half || (remainder == half && (sticky || (kept & 1))))
                kept++;
            double found = ldexp((double)kept, drop - shift);
            *value = number->is_negative ? -found : found;
            return 1;
        }
#endif
    }
    char token[LONGEST_TOKEN + 1];
    memcpy(token, number->start, (size_t)number->length);
    token[number->length] = 0;
    *value = PyOS_string_to_double(token, NULL, NULL);
    if (*value == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_MemoryError))
            PyErr_Clear();
        return 0;
    }
    return isfinite(*value) != 0;
}

static int to_integer(const Number *number, int64_t *value)
{
    if (number->digits > BIG_DIGITS || (number->is_negative && number->mantissa == 0))
        return 0; /* perhaps beyond int64; "-0" has a sign that an integer does not keep */
    *value = number->is_negative ? -(int64_t)number->mantissa : (int64_t)number->mantissa;
    return 1;
}

#endif
