/* A record: its core keys and its metadata, taken as a whole or declined. */

#ifndef SHRED_RECORDS_H
#define SHRED_RECORDS_H

#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "json_values.h"
#include "shred_metadata.h"
#include "shredder.h"

/* A box: four numbers, as canonical JSON. */
static int take_box(Shredder *self, yyjson_val *box, Text *text)
{
    static const char *NAMES[] = {"height", "width", "x", "y"}; /* in their canonical order */
    Buffer *out = &self->scratch;
    if (yyjson_obj_size(box) != 4)
        return DECLINED;
    *text = (Text){NULL, out->size, 0};
    for (int i = 0; i < 4; i++) {
        yyjson_val *number = yyjson_obj_get(box, NAMES[i]); /* all four are there: no key is there twice */
        if (!yyjson_is_raw(number) || !is_canonical(number))
            return DECLINED;
        if (add(out, i ? ",\"" : "{\"", 2) < 0 || add(out, NAMES[i], (Py_ssize_t)strlen(NAMES[i])) < 0 ||
            add(out, "\":", 2) < 0 || add(out, yyjson_get_raw(number), (Py_ssize_t)yyjson_get_len(number)) < 0)
            return FAILED;
    }
    if (add(out, "}", 1) < 0)
        return FAILED;
    text->length = out->size - text->start;
    return TAKEN;
}

static int take_core(Shredder *self, yyjson_val *value, Core *core)
{
    core->is_null = yyjson_is_null(value);
    if (core->is_null)
        return core->kind == TEXT || core->kind == STRING || core->kind == BOX || core->kind == LITERAL ? DECLINED : TAKEN;
    switch (core->kind) {
    case NOTHING:
        return DECLINED;
    case METADATA:
        return yyjson_is_obj(value) ? take_metadata(self, value) : DECLINED;
    case BOX:
        return yyjson_is_obj(value) ? take_box(self, value, &core->text) : DECLINED;
    case NUMBER_OR_NULL:
        if (!yyjson_is_raw(value) || !to_double(value, &core->number))
            return DECLINED;
        /* Not an integer that is not exact as a double, nor a zero whose sign an integer does not keep. */
        return is_integer(value) && (fabs(core->number) >= EXACT_IN_DOUBLE || is_minus_zero(value)) ? DECLINED : TAKEN;
    default:
        if (!yyjson_is_str(value))
            return DECLINED;
        core->text = string_of(value);
        if (core->kind == LITERAL)
            return is_text(&core->text, core->literal, core->literal_length) ? TAKEN : DECLINED;
        return core->kind == TEXT && core->text.length == 0 ? DECLINED : TAKEN;
    }
}

/* Makes cells of a record. */
static int take_object(Shredder *self, yyjson_val *record)
{
    self->cell_count = 0;
    self->scratch.size = 0;
    for (int i = 0; i < self->core_count; i++)
        self->core[i].is_seen = 0;
    yyjson_obj_iter members;
    yyjson_val *key;
    if (!yyjson_is_obj(record))
        return DECLINED;
    yyjson_obj_iter_init(record, &members);
    while ((key = yyjson_obj_iter_next(&members)) != NULL) {
        Text name = string_of(key);
        int which = 0;
        while (which < self->core_count && !is_text(&name, self->core[which].name, self->core[which].length))
            which++;
        if (which == self->core_count || self->core[which].is_seen)
            return DECLINED;
        self->core[which].is_seen = 1;
        int result = take_core(self, yyjson_obj_iter_get_val(key), &self->core[which]);
        if (result != TAKEN)
            return result;
    }
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

/* Parses a record and puts it into the columns, or declines it. */
static int take_record(Shredder *self, const char *text, size_t length)
{
    yyjson_alc pool;
    const size_t most = yyjson_read_max_memory_usage(length, YYJSON_READ_NUMBER_AS_RAW);
    const int is_small = most > 0 && most <= POOL_BYTES && yyjson_alc_pool_init(&pool, self->pool, POOL_BYTES);
    yyjson_read_err error;
    /* Without YYJSON_READ_INSITU the text is copied, and not written to. */
    yyjson_doc *document = yyjson_read_opts((char *)text, length, YYJSON_READ_NUMBER_AS_RAW, is_small ? &pool : NULL, &error);
    if (document == NULL)
        return error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? FAILED : DECLINED;
    int result = take_object(self, yyjson_doc_get_root(document));
    if (result == TAKEN && commit(self, self->record) < 0)
        result = FAILED;
    yyjson_doc_free(document);
    return result;
}

#endif
