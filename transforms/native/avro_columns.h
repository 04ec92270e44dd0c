/* Columns to rows.

   Columns are sparse: the rows that have a value, ascending, and the values of just these. */

#ifndef AVRO_COLUMNS_H
#define AVRO_COLUMNS_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "avro_output.h"

/* The numbers are those of avro_rows. */
enum kind { LONG, DOUBLE, BOOLEAN, STRING, ENCODED, RECORD };

/* A column; behind a record stand the columns of its fields. As small as it can be: wide rows look at thousands. */
typedef struct {
    int64_t next;        /* row of the value at `at`, or a row beyond the last one */
    const int64_t *rows; /* NULL where every row has a value */
    const void *values;
    const char *data;    /* of texts, and of values as Avro has them, into which `values` are offsets */
    Py_ssize_t at;       /* of the values, the first that is not behind the row at hand */
    Py_ssize_t count;
    Py_ssize_t behind;   /* the column behind this one, and behind its fields if it is a record */
    enum kind kind;
} Column;

typedef struct {
    Py_buffer rows, values, data;
} Buffers;

/* Finds the value of a row, or of the first row behind it that has one. */
static void advance(Column *column, int64_t row)
{
    while (column->at < column->count && column->rows[column->at] < row)
        column->at++;
    column->next = column->at < column->count ? column->rows[column->at] : INT64_MAX;
}

/* Bytes that a column takes at most, apart from those of a text. */
#define MOST 11

/* A value that a row has: its column, and its place among the values there. */
typedef struct {
    uint32_t column, place;
} Cell;

/* Of a record with many fields those that each row has: `cells[starts[row]]` up to `cells[starts[row + 1]]`, by column.
   Its fields are all columns from `first` to before `behind`, of which each row has few. */
typedef struct {
    Py_ssize_t first, behind; /* the same where no record has many fields */
    Py_ssize_t *starts;
    Cell *cells;
} Rare;

/* Fields from which on a record has many, and how many times as many it has as a row has of them. */
#define MANY 64
#define TIMES 4

/* Finds what each row has of the fields of a record, if these are rare; 0 without memory for it. */
static int find_rare(Rare *rare, const Column *columns, Py_ssize_t count, Py_ssize_t height)
{
    Py_ssize_t record = 0, values = 0;
    while (record < count && !(columns[record].kind == RECORD && columns[record].behind - record > MANY))
        record++;
    if (record == count)
        return 1;
    const Py_ssize_t first = record + 1, behind = columns[record].behind;
    for (Py_ssize_t i = first; i < behind; i++) {
        const Column *column = &columns[i];
        if (column->kind == RECORD || column->rows == NULL)
            return 1;
        if (column->count && (column->rows[0] < 0 || column->rows[column->count - 1] >= height))
            return 1;
        values += column->count;
    }
    if (values / (behind - first) >= height / TIMES || behind > UINT32_MAX || height > UINT32_MAX)
        return 1;
    rare->starts = PyMem_RawCalloc((size_t)height + 2, sizeof *rare->starts);
    rare->cells = PyMem_RawMalloc((size_t)(values ? values : 1) * sizeof *rare->cells);
    if (rare->starts == NULL || rare->cells == NULL)
        return 0;
    Py_ssize_t *starts = rare->starts + 1; /* those of a row are counted, then filled, a place further on */
    for (Py_ssize_t i = first; i < behind; i++)
        for (Py_ssize_t at = 0; at < columns[i].count; at++)
            starts[columns[i].rows[at] + 1]++;
    for (Py_ssize_t row = 1; row <= height; row++)
        starts[row] += starts[row - 1];
    for (Py_ssize_t i = first; i < behind; i++)
        for (Py_ssize_t at = 0; at < columns[i].count; at++)
            rare->cells[starts[columns[i].rows[at]]++] = (Cell){(uint32_t)i, (uint32_t)at};
    rare->first = first;
    rare->behind = behind;
    return 1;
}

/* Puts a value behind its branch; NULL without memory. What follows needs `room` bytes apart from texts. */
static inline unsigned char *put_value(Output *out, unsigned char *at, const Column *column, Py_ssize_t place,
                                       Py_ssize_t room)
{
    switch (column->kind) {
    case LONG:
        return put_long(at, ((const int64_t *)column->values)[place]);
    case DOUBLE:
        memcpy(at, (const double *)column->values + place, sizeof(double));
        return at + sizeof(double);
    case BOOLEAN:
        *at = ((const unsigned char *)column->values)[place] != 0;
        return at + 1;
    case STRING:
    case ENCODED: {
        const int64_t *offsets = column->values;
        int64_t length = offsets[place + 1] - offsets[place];
        at = column->kind == STRING ? put_long(at, length) : at;
        out->size = at - out->data;
        if (reserve(out, (Py_ssize_t)length + room) < 0)
            return NULL;
        at = out->data + out->size;
        if (length) /* of texts without a byte there may be no buffer */
            memcpy(at, column->data + offsets[place], (size_t)length);
        return at + length;
    }
    case RECORD:
        break; /* its fields follow */
    }
    return at;
}

/* Puts a row; `named` is where the columns end that name it, the first `naming` ones, in the output. */
static int put_row(Output *out, Column *columns, Py_ssize_t count, const Rare *rare, int64_t row, Py_ssize_t naming,
                   Py_ssize_t *named)
{
    if (reserve(out, count * MOST) < 0)
        return -1;
    unsigned char *at = out->data + out->size;
    *named = -1;
    for (Py_ssize_t i = 0; i < count;) {
        if (i >= naming && *named < 0)
            *named = at - out->data;
        if (i == rare->first && i < rare->behind) {
            for (Py_ssize_t k = rare->starts[row]; k < rare->starts[row + 1]; k++) {
                const Cell cell = rare->cells[k];
                const Py_ssize_t missing = cell.column - i;
                memset(at, 0, (size_t)missing);
                at += missing;
                *at++ = 2;
                i += missing + 1;
                at = put_value(out, at, &columns[cell.column], cell.place, (count - i) * MOST);
                if (at == NULL)
                    return -1;
            }
            memset(at, 0, (size_t)(rare->behind - i));
            at += rare->behind - i;
            i = rare->behind;
            continue;
        }
        Column *column = &columns[i];
        Py_ssize_t place = (Py_ssize_t)row;
        if (column->rows != NULL) {
            if (column->next < row)
                advance(column, row);
            if (column->next > row) {
                *at++ = 0;
                i = column->behind;
                continue;
            }
            place = column->at;
        }
        *at++ = 2;
        i++;
        at = put_value(out, at, column, place, (count - i) * MOST);
        if (at == NULL)
            return -1;
    }
    out->size = at - out->data;
    if (*named < 0)
        *named = out->size;
    return 0;
}

static void release(Buffers *buffers, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyBuffer_Release(&buffers[i].rows);
        PyBuffer_Release(&buffers[i].values);
        PyBuffer_Release(&buffers[i].data);
    }
    PyMem_RawFree(buffers);
}

/* Sets up a column; 0 where its buffers are too short, or hold rows or offsets that do not ascend. */
static int is_sound(Column *column, const Buffers *buffers, int is_full, Py_ssize_t height)
{
    static const Py_ssize_t WIDTH[] = {8, 8, 1, 8, 8, 0};
    static const int64_t NOWHERE[1] = {INT64_MAX}; /* in place of a buffer without rows, which may be NULL */
    column->rows = is_full ? NULL : buffers->rows.len ? buffers->rows.buf : NOWHERE;
    column->values = buffers->values.buf;
    column->data = buffers->data.buf;
    column->count = is_full ? height : buffers->rows.len / (Py_ssize_t)sizeof(int64_t);
    column->next = !is_full && column->count ? column->rows[0] : INT64_MAX;
    for (Py_ssize_t i = 1; !is_full && i < column->count; i++)
        if (column->rows[i - 1] >= column->rows[i])
            return 0;
    if (column->kind == RECORD)
        return 1;
    if (buffers->values.len < (column->count + (column->kind >= STRING)) * WIDTH[column->kind])
        return 0;
    if (column->kind >= STRING) {
        const int64_t *offsets = column->values;
        if (offsets[0] < 0 || offsets[column->count] > buffers->data.len)
            return 0;
        for (Py_ssize_t i = 0; i < column->count; i++)
            if (offsets[i] > offsets[i + 1])
                return 0;
    }
    return 1;
}

PyDoc_STRVAR(encode_doc,
             "encode(height, naming, least, columns) -> list of (rows, bytes), one for each block\n\n"
             "naming: how many columns at the front name a row, on which depends where blocks end.\n"
             "least: how many rows a block has at least.\n"
             "columns: tuples (kind, fields, is_full, rows, values, data); `fields` is how many columns behind a record are in it.");

static PyObject *encode(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t height, naming, least;
    PyObject *given, *found = NULL;
    if (!PyArg_ParseTuple(arguments, "nnnO!", &height, &naming, &least, &PyList_Type, &given))
        return NULL;
    if (height < 0 || height > PY_SSIZE_T_MAX / 32) {
        PyErr_Format(PyExc_ValueError, "expected a number of rows, got %zd", height);
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(given), read = 0;
    Column *columns = PyMem_RawCalloc((size_t)(count ? count : 1), sizeof *columns);
    Buffers *buffers = PyMem_RawCalloc((size_t)(count ? count : 1), sizeof *buffers);
    Output out = {PyMem_RawMalloc(1 << 16), 0, 1 << 16};
    Rare rare = {0, 0, NULL, NULL};
    if (columns == NULL || buffers == NULL || out.data == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (; read < count; read++) {
        Column *column = &columns[read];
        Buffers *of = &buffers[read];
        int kind, is_full;
        Py_ssize_t fields;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(given, read), "inpy*y*y*", &kind, &fields, &is_full, &of->rows, &of->values,
                              &of->data))
            goto done;
        column->kind = (enum kind)kind;
        column->behind = read + 1 + fields;
        if (kind < LONG || kind > RECORD || fields < 0 || column->behind > count || !is_sound(column, of, is_full, height)) {
            read++;
            PyErr_SetString(PyExc_ValueError, "expected columns whose buffers hold what they say");
            goto done;
        }
    }
    if (!find_rare(&rare, columns, count, height)) {
        PyErr_NoMemory();
        goto done;
    }
    found = PyList_New(0);
    Py_ssize_t rows = 0;
    for (Py_ssize_t row = 0; found != NULL && row < height; row++) {
        const Py_ssize_t start = out.size;
        Py_ssize_t named;
        if (put_row(&out, columns, count, &rare, row, naming, &named) < 0) {
            PyErr_NoMemory();
            Py_CLEAR(found);
            goto done;
        }
        rows++;
        if (row == height - 1 || ends_block(rows, out.size, least, out.data + start, named - start)) {
            if (append_block(found, rows, out.data, out.size) < 0)
                Py_CLEAR(found);
            rows = out.size = 0;
        }
    }
done:
    PyMem_RawFree(out.data);
    PyMem_RawFree(columns);
    PyMem_RawFree(rare.starts);
    PyMem_RawFree(rare.cells);
    if (buffers != NULL)
        release(buffers, read);
    return found;
}

#endif
