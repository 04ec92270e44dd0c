/* The metadata object of a record: its values become cells, one for each key. */

#ifndef SHRED_METADATA_H
#define SHRED_METADATA_H

#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_values.h"
#include "shredder.h"

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

/* The number of a field, made if it is new; -1 with an exception where there is no memory, -2 where there are enough. */
static Py_ssize_t field_at(Shredder *self, const char *text, Py_ssize_t length)
{
    PyObject *number, *name = PyUnicode_FromStringAndSize(text, length);
    if (name == NULL)
        return -1;
    PyObject *found = PyDict_GetItemWithError(self->by_name, name);
    if (found != NULL || PyErr_Occurred() || self->field_count >= self->most_fields) {
        Py_DECREF(name);
        return found != NULL ? PyLong_AsSsize_t(found) : PyErr_Occurred() ? -1 : -2;
    }
    if (self->field_count == self->field_room) {
        Field *fields = grown(self->fields, &self->field_room, sizeof *fields);
        if (fields == NULL)
            goto failed;
        self->fields = fields;
    }
    Field *field = &self->fields[self->field_count];
    memset(field, 0, sizeof *field);
    field->name = name;
    field->text = PyUnicode_AsUTF8AndSize(name, &field->length);
    field->role = role_of(self, text, length);
    field->last_record = -1;
    number = PyLong_FromSsize_t(self->field_count);
    if (field->text == NULL || number == NULL || PyDict_SetItem(self->by_name, name, number) < 0) {
        Py_XDECREF(number);
        goto failed;
    }
    Py_DECREF(number);
    return self->field_count++;
failed:
    Py_DECREF(name);
    return -1;
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

/* Puts the text of a list or an object into the scratch, its numbers as they stand in the record. */
static int write_json(Shredder *self, yyjson_val *value, Text *text)
{
    size_t length;
    if (!is_sound_json(value, 0))
        return DECLINED;
    char *json = yyjson_val_write_opts(value, YYJSON_WRITE_NOFLAG, NULL, &length, NULL);
    if (json == NULL)
        return FAILED;
    *text = (Text){NULL, self->scratch.size, (Py_ssize_t)length};
    int result = add(&self->scratch, json, (Py_ssize_t)length) < 0 ? FAILED : TAKEN;
    free(json); /* by malloc, the allocator of yyjson */
    return result;
}

/* A metadata value. */
static int take_cell(Shredder *self, yyjson_val *value, Py_ssize_t field)
{
    Cell *cell = new_cell(self);
    if (cell == NULL)
        return FAILED;
    cell->field = field;
    double degrees = NAN;
    int result = TAKEN;
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
        cell->form = FORM_STRING;
        cell->as.text = string_of(value);
        break;
    case YYJSON_TYPE_OBJ:
    case YYJSON_TYPE_ARR:
        cell->form = FORM_JSON;
        result = write_json(self, value, &cell->as.text);
        break;
    case YYJSON_TYPE_BOOL:
        cell->form = FORM_BOOL;
        cell->as.integer = yyjson_is_true(value);
        break;
    case YYJSON_TYPE_NULL:
        cell->form = FORM_NULL;
        cell->as.integer = 1;
        break;
    default: /* a number */
        if (is_integer(value)) {
            cell->form = FORM_INT;
            if (!to_integer(value, &cell->as.integer))
                return DECLINED;
            degrees = (double)cell->as.integer;
        }
        else {
            cell->form = FORM_FLOAT;
            if (!to_double(value, &cell->as.real))
                return DECLINED;
            degrees = cell->as.real;
        }
    }
    enum role role = self->fields[field].role;
    if (role == RESERVED)
        return DECLINED;
    if (role != ORDINARY) {
        int which = role - NORTH_LONG;
        if (cell->form != FORM_STRING && !(fabs(degrees) <= self->limit[which]))
            return DECLINED; /* of strings Python says which numbers they are */
        self->coordinates_seen |= 1u << which;
    }
    return result;
}

/* The metadata object of a record. */
static int take_metadata(Shredder *self, yyjson_val *metadata)
{
    self->coordinates_seen = 0;
    yyjson_obj_iter members = yyjson_obj_iter_with(metadata);
    yyjson_val *key;
    for (Py_ssize_t place = 0; (key = yyjson_obj_iter_next(&members)) != NULL; place++) {
        Text name = string_of(key);
        Py_ssize_t field = place < self->expected_room ? self->expected[place] : -1;
        if (field < 0 || !is_text(&name, self->fields[field].text, self->fields[field].length)) {
            field = field_at(self, name.text, name.length);
            if (field == -2)
                return DECLINED;
            if (field < 0 || expect(self, place, field) < 0)
                return FAILED;
        }
        if (self->fields[field].last_record == self->record)
            return DECLINED; /* the key is there twice */
        self->fields[field].last_record = self->record;
        int result = take_cell(self, yyjson_obj_iter_get_val(key), field);
        if (result != TAKEN)
            return result;
    }
    /* None, or one whole pair and nothing of the other. */
    unsigned seen = self->coordinates_seen;
    return seen == 0 || seen == 0x3 || seen == 0xC ? TAKEN : DECLINED;
}

#endif
