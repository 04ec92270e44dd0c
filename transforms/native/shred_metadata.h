/* The metadata object of a record: its values become cells, one for each key. */

#ifndef SHRED_METADATA_H
#define SHRED_METADATA_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "json_numbers.h"
#include "json_text.h"
#include "shredder.h"

/* Seeded, as Python seeds it for each process: keys that share a slot cannot be chosen. No order shows it (P3). */
static size_t hash_of(const char *name, Py_ssize_t length)
{
#if PY_VERSION_HEX >= 0x030E0000
    return (size_t)Py_HashBuffer(name, length);
#else
    return (size_t)_Py_HashBytes(name, length);
#endif
}

static enum role role_of(const Shredder *self, const char *name, Py_ssize_t length)
{
    for (int i = 0; i < self->reserved_count; i++)
        if (self->reserved_length[i] == length && memcmp(self->reserved[i], name, (size_t)length) == 0)
            return RESERVED;
    for (int i = 0; i < 4; i++)
        if (self->coordinate_length[i] == length && memcmp(self->coordinate[i], name, (size_t)length) == 0)
            return (enum role)(NORTH_LONG + i);
    return ORDINARY;
}

/* Twice the room for an array; NULL, and the array as it was, where there is no memory. */
static void *grown(void *array, Py_ssize_t *room, size_t size)
{
    if (*room > PY_SSIZE_T_MAX / 2 / (Py_ssize_t)size)
        return NULL;
    Py_ssize_t more = *room ? *room * 2 : 64;
    void *found = PyMem_RawRealloc(array, (size_t)more * size);
    if (found != NULL)
        *room = more;
    return found;
}

static int grow_table(Shredder *self)
{
    if (self->table_size > PY_SSIZE_T_MAX / 2 / (Py_ssize_t)sizeof *self->table)
        return -1;
    Py_ssize_t size = self->table_size ? self->table_size * 2 : 64;
    Py_ssize_t *table = PyMem_RawCalloc((size_t)size, sizeof *table);
    if (table == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < self->field_count; i++) {
        size_t slot = hash_of(self->fields[i].name, self->fields[i].length);
        while (table[slot & (size_t)(size - 1)])
            slot++;
        table[slot & (size_t)(size - 1)] = i + 1;
    }
    PyMem_RawFree(self->table);
    self->table = table;
    self->table_size = size;
    return 0;
}

static int is_field(const Field *field, const char *name, Py_ssize_t length)
{
    return field->length == length && memcmp(field->name, name, (size_t)length) == 0;
}

/* The number of a field, made if it is new; -1 where there is no memory, -2 where there are enough fields. */
static Py_ssize_t field_at(Shredder *self, const char *name, Py_ssize_t length)
{
    if (self->field_count * 2 >= self->table_size && grow_table(self) < 0)
        return -1;
    size_t slot = hash_of(name, length), mask = (size_t)(self->table_size - 1);
    for (; self->table[slot & mask]; slot++) {
        Py_ssize_t found = self->table[slot & mask] - 1;
        if (is_field(&self->fields[found], name, length))
            return found;
    }
    if (self->field_count >= self->most_fields)
        return -2;
    if (self->field_count == self->field_room) {
        Field *fields = grown(self->fields, &self->field_room, sizeof *fields);
        if (fields == NULL)
            return -1;
        self->fields = fields;
    }
    char *copy = PyMem_RawMalloc((size_t)length + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, name, (size_t)length);
    Field *field = &self->fields[self->field_count];
    memset(field, 0, sizeof *field);
    field->name = copy;
    field->length = length;
    field->is_plain = 1;
    for (Py_ssize_t i = 0; i < length; i++)
        if (name[i] == '"' || name[i] == '\\' || (unsigned char)name[i] < 0x20)
            field->is_plain = 0;
    field->role = role_of(self, name, length);
    field->last_record = -1;
    self->table[slot & mask] = ++self->field_count;
    return self->field_count - 1;
}

static int expect(Shredder *self, Py_ssize_t place, Py_ssize_t field)
{
    if (place >= self->expected_room) {
        Py_ssize_t before = self->expected_room;
        Py_ssize_t *expected = grown(self->expected, &self->expected_room, sizeof *expected);
        if (expected == NULL)
            return -1;
        for (Py_ssize_t i = before; i < self->expected_room; i++)
            expected[i] = -1;
        self->expected = expected;
    }
    self->expected[place] = field;
    return 0;
}

static Cell *new_cell(Shredder *self)
{
    if (self->cell_count == self->cell_room) {
        Cell *cells = grown(self->cells, &self->cell_room, sizeof *cells);
        if (cells == NULL)
            return NULL;
        self->cells = cells;
    }
    return &self->cells[self->cell_count++];
}

/* A metadata value; sets `at` behind it. */
static int parse_cell(Shredder *self, const char **at, Py_ssize_t field)
{
    Cell *cell = new_cell(self);
    if (cell == NULL)
        return FAILED;
    cell->field = field;
    const char *from = *at, *to = NULL;
    double degrees = NAN;
    switch (*from) {
    case '"':
        cell->form = FORM_STRING;
        to = parse_string(self, from + 1, &cell->as.text);
        break;
    case '{':
    case '[':
        cell->form = FORM_JSON;
        to = skip_value(self, from, 0);
        if (to != NULL)
            cell->as.text = (Text){from, 0, to - from};
        break;
    case 't':
    case 'f':
        cell->form = FORM_BOOL;
        cell->as.integer = *from == 't';
        to = skip_value(self, from, 0);
        break;
    case 'n':
        cell->form = FORM_NULL;
        cell->as.integer = 1;
        to = skip_value(self, from, 0);
        break;
    default: {
        Number number;
        to = scan_number(from, &number);
        if (to == NULL)
            return DECLINED;
        if (number.is_integer) {
            cell->form = FORM_INT;
            if (!to_integer(&number, &cell->as.integer))
                return DECLINED;
            degrees = (double)cell->as.integer;
        }
        else {
            cell->form = FORM_FLOAT;
            if (!to_double(&number, &cell->as.real))
                return DECLINED;
            degrees = cell->as.real;
        }
    }
    }
    if (to == NULL)
        return DECLINED;
    enum role role = self->fields[field].role;
    if (role == RESERVED)
        return DECLINED;
    if (role != ORDINARY) {
        int which = role - NORTH_LONG;
        if (!(fabs(degrees) <= self->limit[which]))
            return DECLINED;
        self->coordinates_seen |= 1u << which;
    }
    *at = to;
    return TAKEN;
}

/* Where the value of a key begins that is expected here; NULL where another key stands, or this one in other words. */
static const char *skip_expected(const Shredder *self, const char *at, Py_ssize_t number)
{
    const Field *field = &self->fields[number];
    if (!field->is_plain || *at != '"' || self->end - at < field->length + 2 ||
        memcmp(at + 1, field->name, (size_t)field->length) != 0 || at[field->length + 1] != '"')
        return NULL;
    at = skip_space(at + field->length + 2);
    return *at == ':' ? skip_space(at + 1) : NULL;
}

/* The members of the metadata object, `at` behind its brace. */
static int parse_metadata(Shredder *self, const char **at)
{
    const char *here = skip_space(*at);
    self->coordinates_seen = 0;
    if (*here == '}') {
        *at = here + 1;
        return TAKEN;
    }
    int is_last = 0;
    for (Py_ssize_t place = 0; !is_last; place++) {
        Py_ssize_t field = place < self->expected_room ? self->expected[place] : -1;
        const char *value = field < 0 ? NULL : skip_expected(self, here, field);
        if (value != NULL)
            here = value;
        else {
            Text key;
            if ((here = parse_key(self, here, &key)) == NULL)
                return DECLINED;
            field = field_at(self, text_of(self, &key), key.length);
            if (field == -2)
                return DECLINED;
            if (field < 0 || expect(self, place, field) < 0)
                return FAILED;
        }
        if (self->fields[field].last_record == self->record)
            return DECLINED; /* the key is there twice */
        self->fields[field].last_record = self->record;
        int result = parse_cell(self, &here, field);
        if (result != TAKEN)
            return result;
        if ((here = skip_separator(here, &is_last)) == NULL)
            return DECLINED;
    }
    *at = here;
    /* None, or one whole pair and nothing of the other. */
    unsigned seen = self->coordinates_seen;
    return seen == 0 || seen == 0x3 || seen == 0xC ? TAKEN : DECLINED;
}

#endif
