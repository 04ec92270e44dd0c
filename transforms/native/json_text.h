/* The text of JSON: strings, keys, and values that are stepped over. */

#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "json_numbers.h"
#include "shredder.h"

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

/* Behind one character of several bytes, NULL where it is no UTF-8 (Unicode 15, table 3-7). */
static const char *skip_multibyte(const char *at)
{
    const unsigned char *s = (const unsigned char *)at;
    unsigned lead = s[0], low = 0x80, high = 0xBF;
    int more;
    if (lead >= 0xC2 && lead <= 0xDF)
        more = 1;
    else if (lead >= 0xE0 && lead <= 0xEF) {
        more = 2;
        if (lead == 0xE0)
            low = 0xA0;
        else if (lead == 0xED)
            high = 0x9F;
    }
    else if (lead >= 0xF0 && lead <= 0xF4) {
        more = 3;
        if (lead == 0xF0)
            low = 0x90;
        else if (lead == 0xF4)
            high = 0x8F;
    }
    else
        return NULL;
    if (s[1] < low || s[1] > high)
        return NULL;
    for (int i = 2; i <= more; i++)
        if (s[i] < 0x80 || s[i] > 0xBF)
            return NULL;
    return at + more + 1;
}

static int hex4(const char *at, unsigned *code)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return 0;
        value = value * 16 + digit;
    }
    *code = value;
    return 1;
}

static int add_code_point(Buffer *out, unsigned code)
{
    unsigned char bytes[4];
    int count;
    if (code < 0x80) {
        bytes[0] = (unsigned char)code;
        count = 1;
    }
    else if (code < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | code >> 6);
        bytes[1] = (unsigned char)(0x80 | (code & 0x3F));
        count = 2;
    }
    else if (code < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | code >> 12);
        bytes[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (code & 0x3F));
        count = 3;
    }
    else {
        bytes[0] = (unsigned char)(0xF0 | code >> 18);
        bytes[1] = (unsigned char)(0x80 | (code >> 12 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        bytes[3] = (unsigned char)(0x80 | (code & 0x3F));
        count = 4;
    }
    return add(out, bytes, count);
}

/* One escape, `at` behind its backslash; NULL where it is none, or half of a surrogate pair. */
static const char *unescape(const char *at, Buffer *out)
{
    char c = *at++;
    switch (c) {
    case '"':
    case '\\':
    case '/':
        break;
    case 'b':
        c = '\b';
        break;
    case 'f':
        c = '\f';
        break;
    case 'n':
        c = '\n';
        break;
    case 'r':
        c = '\r';
        break;
    case 't':
        c = '\t';
        break;
    case 'u': {
        unsigned code, low;
        if (!hex4(at, &code))
            return NULL;
        at += 4;
        if (code >= 0xDC00 && code <= 0xDFFF)
            return NULL;
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (at[0] != '\\' || at[1] != 'u' || !hex4(at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
                return NULL;
            at += 6;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        return add_code_point(out, code) < 0 ? NULL : at;
    }
    default:
        return NULL;
    }
    return add(out, &c, 1) < 0 ? NULL : at;
}

/* The next byte that needs a look: a quote, a backslash, a control character, or one beyond ASCII. */
static const char *skip_simple(const Shredder *self, const char *at)
{
    static const uint64_t ONES = 0x0101010101010101ULL, HIGHS = 0x8080808080808080ULL;
    while (self->end - at >= 8) {
        uint64_t word, quote, slash;
        memcpy(&word, at, 8);
        quote = word ^ (ONES * '"');
        slash = word ^ (ONES * '\\');
        /* A high bit wherever a byte is one of these; perhaps also in a byte behind such a one. */
        if (((quote - ONES) | (slash - ONES) | (word - ONES * 0x20) | word) & HIGHS)
            break;
        at += 8;
    }
    while ((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* A string, `at` behind its opening quote; returns what is behind its closing one, NULL where it is declined, and with a
   MemoryError where there is no memory, as all that parses strings. */
static const char *parse_string(Shredder *self, const char *at, Text *text)
{
    const char *start = at;
    for (;;) {
        at = skip_simple(self, at);
        if (*at == '"') {
            *text = (Text){start, 0, at - start};
            return at + 1;
        }
        if (*at == '\\')
            break;
        if ((unsigned char)*at < 0x20 || (at = skip_multibyte(at)) == NULL)
            return NULL;
    }
    Buffer *out = &self->scratch;
    *text = (Text){NULL, out->size, 0};
    if (add(out, start, at - start) < 0)
        return NULL;
    for (;;) {
        unsigned char c = (unsigned char)*at;
        if (c == '"') {
            text->length = out->size - text->start;
            return at + 1;
        }
        if (c == '\\')
            at = unescape(at + 1, out);
        else if (c < 0x20)
            return NULL;
        else {
            const char *next = c < 0x80 ? at + 1 : skip_multibyte(at);
            if (next == NULL || add(out, at, next - at) < 0)
                return NULL;
            at = next;
        }
        if (at == NULL)
            return NULL;
    }
}

static const char *text_of(const Shredder *self, const Text *text)
{
    if (text->text != NULL)
        return text->text;
    return self->scratch.data != NULL ? self->scratch.data + text->start : ""; /* no scratch: nothing was in it */
}

/* A key and its colon; returns where the value begins, NULL where it is declined. */
static const char *parse_key(Shredder *self, const char *at, Text *key)
{
    if (*at != '"' || (at = parse_string(self, at + 1, key)) == NULL)
        return NULL;
    at = skip_space(at);
    return *at == ':' ? skip_space(at + 1) : NULL;
}

/* What follows a member: behind the brace that ends the object, or where the next key begins; else NULL. */
static const char *skip_separator(const char *at, int *is_last)
{
    at = skip_space(at);
    *is_last = *at == '}';
    if (*is_last)
        return at + 1;
    return *at == ',' ? skip_space(at + 1) : NULL;
}

/* Behind any JSON value; NULL where it is declined. Strings are checked, and forgotten. */
static const char *skip_value(Shredder *self, const char *at, int depth)
{
    Text text;
    if (depth > DEEPEST)
        return NULL;
    switch (*at) {
    case '"': {
        Py_ssize_t size = self->scratch.size;
        at = parse_string(self, at + 1, &text);
        self->scratch.size = size;
        return at;
    }
    case '{':
    case '[': {
        char close = *at == '{' ? '}' : ']';
        int is_object = *at == '{';
        at = skip_space(at + 1);
        if (*at == close)
            return at + 1;
        for (;;) {
            if (is_object) {
                if (*at != '"' || (at = skip_value(self, at, depth + 1)) == NULL)
                    return NULL;
                at = skip_space(at);
                if (*at != ':')
                    return NULL;
                at = skip_space(at + 1);
            }
            if ((at = skip_value(self, at, depth + 1)) == NULL)
                return NULL;
            at = skip_space(at);
            if (*at == close)
                return at + 1;
            if (*at != ',')
                return NULL;
            at = skip_space(at + 1);
        }
    }
    case 't':
        return strncmp(at, "true", 4) == 0 ? at + 4 : NULL;
    case 'f':
        return strncmp(at, "false", 5) == 0 ? at + 5 : NULL;
    case 'n':
        return strncmp(at, "null", 4) == 0 ? at + 4 : NULL;
    default: {
        Number number;
        double value;
        at = scan_number(at, &number);
        if (at == NULL || number.digits > BIG_DIGITS || (number.has_exponent && !to_double(&number, &value)))
            return NULL;
        return at;
    }
    }
}

#endif
