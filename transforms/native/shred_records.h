/* A record: its core keys and its metadata, taken as a whole or declined. */

#ifndef SHRED_RECORDS_H
#define SHRED_RECORDS_H

#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "json_numbers.h"
#include "json_text.h"
#include "shred_metadata.h"
#include "shredder.h"

/* Whether the canonical writer would write the number as it stands here. */
static int is_canonical(const Number *number)
{
    if (number->has_exponent || (number->is_negative && number->mantissa == 0))
        return 0;
    if (number->is_integer)
        return number->digits <= 15;
    double value;
    if (!to_double(number, &value) || fabs(value) >= 1e15 || (value != 0 && fabs(value) < 1e-3))
        return 0;
    /* Of at most 15 digits no two decimals are the same double, so the shortest text of this one is this. */
    if (number->digits <= 15)
        return number->start[number->length - 1] != '0' || number->fraction == 1;
    char *shortest = PyOS_double_to_string(value, 'r', 0, 0, NULL);
    if (shortest == NULL)
        return 0; /* with a MemoryError */
    int same = strlen(shortest) == (size_t)number->length && memcmp(shortest, number->start, (size_t)number->length) == 0;
    PyMem_Free(shortest);
    return same;
}

/* A box, `at` behind its brace: four numbers, as canonical JSON. */
static int parse_box(Shredder *self, const char **at, Text *text)
{
    static const char *NAMES[] = {"height", "width", "x", "y"}; /* in their canonical order */
    Number found[4];
    unsigned seen = 0;
    const char *here = skip_space(*at);
    for (int is_last = 0; !is_last;) {
        Text key;
        int which = 0;
        if ((here = parse_key(self, here, &key)) == NULL)
            return DECLINED;
        const char *name = text_of(self, &key);
        while (which < 4 && !((size_t)key.length == strlen(NAMES[which]) && memcmp(name, NAMES[which], (size_t)key.length) == 0))
            which++;
        if (which == 4 || seen & 1u << which)
            return DECLINED;
        seen |= 1u << which;
        here = scan_number(here, &found[which]);
        if (here == NULL || !is_canonical(&found[which]) || (here = skip_separator(here, &is_last)) == NULL)
            return DECLINED;
    }
    if (seen != 0xF)
        return DECLINED;
    *at = here;
    Buffer *out = &self->scratch;
    *text = (Text){NULL, out->size, 0};
    for (int i = 0; i < 4; i++) {
        if (add(out, i ? ",\"" : "{\"", 2) < 0 || add(out, NAMES[i], (Py_ssize_t)strlen(NAMES[i])) < 0 ||
            add(out, "\":", 2) < 0 || add(out, found[i].start, found[i].length) < 0)
            return FAILED;
    }
    if (add(out, "}", 1) < 0)
        return FAILED;
    text->length = out->size - text->start;
    return TAKEN;
}

static int parse_core(Shredder *self, const char **at, Core *core)
{
    const char *here = *at;
    int is_null = *here == 'n' && strncmp(here, "null", 4) == 0, result = TAKEN;
    core->is_null = is_null;
    if (is_null) {
        if (core->kind == TEXT || core->kind == STRING || core->kind == BOX || core->kind == LITERAL)
            return DECLINED;
        *at = here + 4;
        return TAKEN;
    }
    switch (core->kind) {
    case NOTHING:
        return DECLINED;
    case METADATA:
    case BOX:
        if (*here != '{')
            return DECLINED;
        here++;
        result = core->kind == BOX ? parse_box(self, &here, &core->text) : parse_metadata(self, &here);
        break;
    case NUMBER_OR_NULL: {
        Number number;
        here = scan_number(here, &number);
        if (here == NULL || !to_double(&number, &core->number))
            return DECLINED;
        if (number.is_integer && (fabs(core->number) >= EXACT_IN_DOUBLE || (number.is_negative && number.mantissa == 0)))
            return DECLINED; /* an integer that is not exact as a double, or a zero whose sign an integer does not keep */
        break;
    }
    default:
        if (*here != '"' || (here = parse_string(self, here + 1, &core->text)) == NULL)
            return DECLINED;
        if (core->kind == TEXT && core->text.length == 0)
            return DECLINED;
        if (core->kind == LITERAL &&
            !(core->text.length == core->literal_length &&
              memcmp(text_of(self, &core->text), core->literal, (size_t)core->literal_length) == 0))
            return DECLINED;
    }
    *at = here;
    return result;
}

static int parse_record(Shredder *self, const char *at, const char *end)
{
    self->end = end;
    self->cell_count = 0;
    self->scratch.size = 0;
    for (int i = 0; i < self->core_count; i++)
        self->core[i].is_seen = 0;
    at = skip_space(at);
    if (*at != '{')
        return DECLINED;
    at = skip_space(at + 1);
    for (int is_last = 0; !is_last;) {
        Text key;
        if ((at = parse_key(self, at, &key)) == NULL)
            return DECLINED;
        const char *name = text_of(self, &key);
        int which = 0;
        while (which < self->core_count && !(self->core[which].length == key.length &&
                                             memcmp(self->core[which].name, name, (size_t)key.length) == 0))
            which++;
        if (which == self->core_count || self->core[which].is_seen)
            return DECLINED;
        self->core[which].is_seen = 1;
        int result = parse_core(self, &at, &self->core[which]);
        if (result != TAKEN)
            return result;
        if ((at = skip_separator(at, &is_last)) == NULL)
            return DECLINED;
    }
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    if (at != end)
        return DECLINED;
    for (int i = 0; i < self->core_count; i++) {
        enum kind kind = self->core[i].kind;
        if (!self->core[i].is_seen && (kind == TEXT || kind == STRING || kind == BOX || kind == LITERAL))
            return DECLINED;
    }
    return TAKEN;
}

static int add_text(const Shredder *self, Column *column, const Text *text)
{
    if (!column->values.size && add_int64(&column->values, 0) < 0)
        return -1;
    if (add(&column->data, text_of(self, text), text->length) < 0)
        return -1;
    return add_int64(&column->values, column->data.size);
}

static int commit(Shredder *self, int64_t place)
{
    if (add_int64(&self->places, place) < 0)
        return -1;
    for (int i = 0; i < self->core_count; i++) {
        Core *core = &self->core[i];
        int is_there = core->is_seen && !core->is_null;
        switch (core->kind) {
        case NOTHING:
        case METADATA:
        case LITERAL:
            break;
        case NUMBER_OR_NULL:
            if (is_there && (add_row(&core->column, self->rows) < 0 ||
                             add_double(&core->column.values, core->number) < 0))
                return -1;
            break;
        default:
            if (is_there && (add_row(&core->column, self->rows) < 0 || add_text(self, &core->column, &core->text) < 0))
                return -1;
        }
    }
    for (Py_ssize_t i = 0; i < self->cell_count; i++) {
        const Cell *cell = &self->cells[i];
        Column *column = &self->fields[cell->field].columns[cell->form];
        if (add_row(column, self->rows) < 0)
            return -1;
        int result = 0;
        switch (cell->form) {
        case FORM_NULL:
        case FORM_BOOL: {
            char value = (char)cell->as.integer;
            result = add(&column->values, &value, 1);
            break;
        }
        case FORM_INT:
            result = add_int64(&column->values, cell->as.integer);
            break;
        case FORM_FLOAT:
            result = add_double(&column->values, cell->as.real);
            break;
        default:
            result = add_text(self, column, &cell->as.text);
        }
        if (result < 0)
            return -1;
    }
    self->rows++;
    return 0;
}

#endif
