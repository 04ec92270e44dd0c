/* Rows as they are read: where each begins, and blocks cut of them. */

#ifndef AVRO_ROW_TYPES_H
#define AVRO_ROW_TYPES_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "avro_output.h"

#define DEEPEST 16

/* Bytes of a block, and a type as `row_starts` takes it; both are read from the front. */
typedef struct {
    const unsigned char *at, *end;
} Input;

static inline int take_long(Input *in, int64_t *value)
{
    if (in->at < in->end && *in->at < 0x80) { /* as most are: branches of unions, lengths of short texts */
        *value = (int64_t)(*in->at >> 1) ^ -(int64_t)(*in->at & 1);
        in->at++;
        return 0;
    }
    uint64_t found = 0;
    for (int shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        unsigned char byte = *in->at++;
        found |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *value = (int64_t)(found >> 1) ^ -(int64_t)(found & 1);
            return 0;
        }
    }
    return -1;
}

static inline int skip_bytes(Input *in, int64_t count)
{
    if (count < 0 || count > in->end - in->at)
        return -1;
    in->at += count;
    return 0;
}

/* A field or an item: a union of null and its kind; what is in it stands behind it. */
typedef struct {
    unsigned char kind; /* l long, d double, b boolean, s string, a array, r record */
    Py_ssize_t behind;  /* where what is in it ends */
} Member;

/* The rows of a schema: its fields. */
typedef struct {
    Member *members;
    Py_ssize_t count;
} RowType;

/* Reads the type of a value and of all in it; returns where these end in the members, -1 where it is none. */
static Py_ssize_t read_type(Input *type, Member *members, Py_ssize_t at, int depth)
{
    if (depth > DEEPEST || type->at >= type->end)
        return -1;
    Member *member = &members[at++];
    member->kind = *type->at++;
    switch (member->kind) {
    case 'l':
    case 'd':
    case 'b':
    case 's':
        break;
    case 'a':
        at = read_type(type, members, at, depth + 1);
        break;
    case 'r': {
        if (type->end - type->at < 2)
            return -1;
        int fields = type->at[0] | type->at[1] << 8;
        type->at += 2;
        for (; fields > 0 && at >= 0; fields--)
            at = read_type(type, members, at, depth + 1);
        break;
    }
    default:
        return -1;
    }
    member->behind = at;
    return at;
}

/* Takes the type of rows, a record; -1 where it is none, and with a MemoryError where there is no memory. */
static int take_row_type(const Py_buffer *given, RowType *type)
{
    Input in = {given->buf, (const unsigned char *)given->buf + given->len};
    type->members = PyMem_RawCalloc((size_t)given->len + 1, sizeof *type->members);
    if (type->members == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    type->count = read_type(&in, type->members, 0, 0);
    return type->count < 1 || in.at != in.end || type->members[0].kind != 'r' ? -1 : 0;
}

/* Steps over values of the members from one on to another. */
static int skip(Input *in, const Member *members, Py_ssize_t at, Py_ssize_t behind);

static int skip_items(Input *in, const Member *members, Py_ssize_t at, Py_ssize_t behind)
{
    for (;;) {
        int64_t count, size;
        if (take_long(in, &count) < 0)
            return -1;
        if (count == 0)
            return 0;
        if (count < 0) { /* a block that says its size */
            if (take_long(in, &size) < 0 || skip_bytes(in, size) < 0)
                return -1;
            continue;
        }
        for (; count > 0; count--)
            if (skip(in, members, at, behind) < 0)
                return -1;
    }
}

static int skip(Input *in, const Member *members, Py_ssize_t at, Py_ssize_t behind)
{
    int64_t length;
    while (at < behind) {
        if (in->at >= in->end)
            return -1;
        const unsigned char branch = *in->at++;
        if (branch == 0) {
            at = members[at].behind;
            continue;
        }
        if (branch != 2)
            return -1;
        switch (members[at].kind) {
        case 'l':
            if (take_long(in, &length) < 0)
                return -1;
            break;
        case 'd':
            if (skip_bytes(in, 8) < 0)
                return -1;
            break;
        case 'b':
            if (skip_bytes(in, 1) < 0)
                return -1;
            break;
        case 's':
            if (take_long(in, &length) < 0 || skip_bytes(in, length) < 0)
                return -1;
            break;
        case 'a':
            if (skip_items(in, members, at + 1, members[at].behind) < 0)
                return -1;
            at = members[at].behind;
            continue;
        default: /* a record: its fields follow */
            break;
        }
        at++;
    }
    return 0;
}

/* Steps over a row; `named` is how many of its bytes the first `naming` fields take, none of which is in another. */
static int skip_row(Input *in, const RowType *type, Py_ssize_t naming, Py_ssize_t *named)
{
    const unsigned char *start = in->at;
    const Py_ssize_t split = naming < type->count ? 1 + naming : type->count;
    if (skip(in, type->members, 1, split) < 0)
        return -1;
    *named = in->at - start;
    return skip(in, type->members, split, type->count);
}

PyDoc_STRVAR(row_starts_doc,
             "row_starts(data, count, type) -> bytes, count + 1 int64: where each row begins, and where the last one ends\n\n"
             "type: l long, d double, b boolean, s string, a and its items, r and the number of fields (uint16) and these; "
             "all that is in another is a union of null and its type.");

static PyObject *row_starts(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, type;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "y*ny*", &data, &count, &type))
        return NULL;
    Input in = {data.buf, (const unsigned char *)data.buf + data.len};
    RowType of_row;
    /* Each row takes a byte at least: no more memory than there are bytes. */
    PyObject *found = take_row_type(&type, &of_row) < 0 || count < 0 || count > data.len ||
                              count >= PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(int64_t)
                          ? NULL
                          : PyBytes_FromStringAndSize(NULL, (count + 1) * (Py_ssize_t)sizeof(int64_t));
    if (found == NULL)
        goto wrong;
    char *starts = PyBytes_AS_STRING(found);
    for (Py_ssize_t row = 0; row <= count; row++) {
        int64_t start = in.at - (const unsigned char *)data.buf;
        memcpy(starts + row * (Py_ssize_t)sizeof start, &start, sizeof start);
        if (row < count && skip(&in, of_row.members, 1, of_row.count) < 0)
            goto wrong;
    }
    if (in.at != in.end)
        goto wrong;
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    return found;
wrong:
    Py_XDECREF(found);
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "expected %zd rows of this type, and nothing behind them", count);
    return NULL;
}

#define ROWS_WRONG "expected rows of this type, and nothing behind them"

/* Rows that become blocks: those of the block that is not full yet. */
typedef struct {
    PyObject *blocks;
    Output out;
    Py_ssize_t rows, least;
} Cutter;

static int add_row(Cutter *to, const unsigned char *row, Py_ssize_t size, Py_ssize_t named)
{
    if (reserve(&to->out, size) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(to->out.data + to->out.size, row, (size_t)size);
    to->out.size += size;
    to->rows++;
    if (!ends_block(to->rows, to->out.size, to->least, row, named))
        return 0;
    int failed = append_block(to->blocks, to->rows, to->out.data, to->out.size);
    to->rows = to->out.size = 0;
    return failed;
}

PyDoc_STRVAR(cut_doc,
             "cut(data, count, type, naming, least) -> (blocks, rows, pending)\n\n"
             "Cuts `count` encoded rows into blocks: a list of (rows, bytes), and how many rows follow the last block, with their bytes.");

static PyObject *cut(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, type;
    Py_ssize_t count, naming, least, named;
    if (!PyArg_ParseTuple(arguments, "y*ny*nn", &data, &count, &type, &naming, &least))
        return NULL;
    PyObject *found = NULL;
    const char *wrong = NULL;
    RowType of_row;
    Cutter to = {PyList_New(0), {PyMem_RawMalloc(1 << 16), 0, 1 << 16}, 0, least};
    Input in = {data.buf, (const unsigned char *)data.buf + data.len};
    if (take_row_type(&type, &of_row) < 0) {
        wrong = PyErr_Occurred() ? NULL : "expected the type of a record";
        goto done;
    }
    if (to.blocks == NULL || to.out.data == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (count < 0 || count > data.len) { /* each row takes a byte at least */
        wrong = ROWS_WRONG;
        goto done;
    }
    for (Py_ssize_t row = 0; row < count; row++) {
        const unsigned char *start = in.at;
        if (skip_row(&in, &of_row, naming, &named) < 0) {
            wrong = ROWS_WRONG;
            goto done;
        }
        if (add_row(&to, start, in.at - start, named) < 0)
            goto done;
    }
    if (in.at != in.end)
        wrong = ROWS_WRONG;
    else
        found = Py_BuildValue("Ony#", to.blocks, to.rows, (const char *)to.out.data, to.out.size);
done:
    if (wrong != NULL)
        PyErr_SetString(PyExc_ValueError, wrong);
    Py_XDECREF(to.blocks);
    PyMem_RawFree(to.out.data);
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    return found;
}

#endif
