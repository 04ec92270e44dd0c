/* Values of a parsed record: texts, and numbers, which the parser leaves as they stand. */

#ifndef JSON_VALUES_H
#define JSON_VALUES_H

#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "shredder.h"
#include "vendor/yyjson.h"

static Text string_of(yyjson_val *value)
{
    return (Text){yyjson_get_str(value), 0, (Py_ssize_t)yyjson_get_len(value)};
}

static const char *text_of(const Shredder *self, const Text *text)
{
    if (text->text != NULL)
        return text->text;
    return self->scratch.data != NULL ? self->scratch.data + text->start : ""; /* no scratch: nothing was in it */
}

/* Whether a text of the document is this one. */
static int is_text(const Text *text, const char *other, Py_ssize_t length)
{
    return text->length == length && memcmp(text->text, other, (size_t)length) == 0;
}

/* Whether a number is written without a point and an exponent. */
static int is_integer(yyjson_val *number)
{
    return strpbrk(yyjson_get_raw(number), ".eE") == NULL;
}

/* Has a sign that an integer does not keep. */
static int is_minus_zero(yyjson_val *number)
{
    return strcmp(yyjson_get_raw(number), "-0") == 0;
}

/* The double nearest to a number; 0 where none is finite. */
static int to_double(yyjson_val *number, double *value)
{
    yyjson_val found;
    if (yyjson_read_number(yyjson_get_raw(number), &found, YYJSON_READ_NOFLAG, NULL, NULL) == NULL)
        return 0;
    *value = yyjson_get_num(&found);
    return isfinite(*value) != 0;
}

/* An integer; 0 where it is beyond int64. */
static int to_integer(yyjson_val *number, int64_t *value)
{
    yyjson_val found;
    if (is_minus_zero(number) ||
        yyjson_read_number(yyjson_get_raw(number), &found, YYJSON_READ_NOFLAG, NULL, NULL) == NULL)
        return 0;
    *value = yyjson_get_sint(&found);
    return yyjson_is_sint(&found) || (yyjson_is_uint(&found) && yyjson_get_uint(&found) <= INT64_MAX);
}

/* Whether the canonical writer would write a number as it stands here. */
static int is_canonical(yyjson_val *number)
{
    const char *token = yyjson_get_raw(number), *digit = token + (*token == '-');
    int digits = 0, fraction = 0, has_point = 0;
    for (; *digit; digit++) {
        if (*digit == 'e' || *digit == 'E')
            return 0;
        if (*digit == '.') {
            has_point = 1;
            continue;
        }
        digits += digits > 0 || *digit != '0'; /* without leading zeros */
        fraction += has_point;
    }
    if (*token == '-' && digits == 0)
        return 0;
    if (!has_point)
        return digits <= 15;
    double value;
    if (!to_double(number, &value) || fabs(value) >= 1e15 || (value != 0 && fabs(value) < 1e-3))
        return 0;
    /* Of at most 15 digits no two decimals are the same double, so the shortest text of this one is this. */
    if (digits <= 15)
        return digit[-1] != '0' || fraction == 1;
    char *shortest = PyOS_double_to_string(value, 'r', 0, 0, NULL);
    if (shortest == NULL)
        return 0; /* with a MemoryError */
    int same = strcmp(shortest, token) == 0;
    PyMem_Free(shortest);
    return same;
}

/* Whether a value is not too deep, and has no number that is beyond int64 or double. */
static int is_sound_json(yyjson_val *value, int depth)
{
    yyjson_val *each;
    size_t at, count;
    if (yyjson_is_raw(value)) {
        int64_t integer;
        double real;
        return is_integer(value) ? is_minus_zero(value) || to_integer(value, &integer) : to_double(value, &real);
    }
    if (!yyjson_is_ctn(value))
        return 1;
    if (depth > DEEPEST)
        return 0;
    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, at, count, each) if (!is_sound_json(each, depth + 1)) return 0;
        return 1;
    }
    yyjson_val *key;
    yyjson_obj_foreach(value, at, count, key, each) if (!is_sound_json(each, depth + 1)) return 0;
    return 1;
}

#endif
