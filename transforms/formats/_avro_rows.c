/* Rows of columns as the binary encoding of Avro 1.11, and where such rows begin: the fast half of
   transforms/formats/avro_rows.py, and what transforms/formats/avro_splices.py needs.

   Every field is a union of null and its type, in this order, as polars writes it: byte 0 for null, byte 2 and the value
   otherwise. Columns are sparse: the rows that have a value, ascending, and the values of just these. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

/* The numbers are those of avro_parts. */
enum kind { LONG, DOUBLE, BOOLEAN, STRING, RECORD };

/* A column; behind a record stand the columns of its fields. As small as it can be: wide rows look at thousands. */
typedef struct {
    int64_t next;        /* row of the value at `at`, or a row that never comes */
    const int64_t *rows; /* NULL where every row has a value */
    const void *values;
    const char *data;    /* of texts, into which `values` are offsets */
    Py_ssize_t at;       /* of the values, the first that is not behind the row at hand */
    Py_ssize_t count;
    Py_ssize_t behind;   /* the column behind this one, and behind its fields if it is a record */
    enum kind kind;
} Column;

typedef struct {
    Py_buffer rows, values, data;
} Buffers;

typedef struct {
    unsigned char *data;
    Py_ssize_t size, room;
} Output;

static int reserve(Output *out, Py_ssize_t more)
{
    if (out->size + more <= out->room)
        return 0;
    Py_ssize_t room = out->room * 2;
    while (room < out->size + more)
        room *= 2;
    unsigned char *data = PyMem_RawRealloc(out->data, (size_t)room);
    if (data == NULL)
        return -1;
    out->data = data;
    out->room = room;
    return 0;
}

/* Zigzag, then seven bits a byte; the room for it is there. Returns where it ends. */
static inline unsigned char *put_long(unsigned char *at, int64_t value)
{
    uint64_t left = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    while (left > 0x7F) {
        *at++ = (unsigned char)(left | 0x80);
        left >>= 7;
    }
    *at++ = (unsigned char)left;
    return at;
}

/* Finds the value of a row, or of the first row behind it that has one. */
static void advance(Column *column, int64_t row)
{
    while (column->at < column->count && column->rows[column->at] < row)
        column->at++;
    column->next = column->at < column->count ? column->rows[column->at] : INT64_MAX;
}

/* Bytes that a column takes at most, apart from those of a text. */
#define MOST 11

static int put_row(Output *out, Column *columns, Py_ssize_t count, int64_t row)
{
    if (reserve(out, count * MOST) < 0)
        return -1;
    unsigned char *at = out->data + out->size;
    for (Py_ssize_t i = 0; i < count;) {
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
        switch (column->kind) {
        case LONG:
            at = put_long(at, ((const int64_t *)column->values)[place]);
            break;
        case DOUBLE:
            memcpy(at, (const double *)column->values + place, sizeof(double));
            at += sizeof(double);
            break;
        case BOOLEAN:
            *at++ = ((const unsigned char *)column->values)[place] != 0;
            break;
        case STRING: {
            const int64_t *offsets = column->values;
            int64_t length = offsets[place + 1] - offsets[place];
            at = put_long(at, length);
            out->size = at - out->data;
            if (reserve(out, (Py_ssize_t)length + (count - i) * MOST) < 0)
                return -1;
            at = out->data + out->size;
            memcpy(at, column->data + offsets[place], (size_t)length);
            at += length;
            break;
        }
        case RECORD:
            break; /* its fields follow */
        }
    }
    out->size = at - out->data;
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
    static const Py_ssize_t WIDTH[] = {8, 8, 1, 8, 0};
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
    if (buffers->values.len < (column->count + (column->kind == STRING)) * WIDTH[column->kind])
        return 0;
    if (column->kind == STRING) {
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
             "encode(height, per_block, columns) -> list of bytes, one for each block of rows\n\n"
             "columns: tuples (kind, fields, is_full, rows, values, data); `fields` is how many columns behind a record are in it.");

static PyObject *encode(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t height, per_block;
    PyObject *given, *found = NULL;
    if (!PyArg_ParseTuple(arguments, "nnO!", &height, &per_block, &PyList_Type, &given))
        return NULL;
    Py_ssize_t count = PyList_GET_SIZE(given), read = 0;
    Column *columns = PyMem_RawCalloc((size_t)(count ? count : 1), sizeof *columns);
    Buffers *buffers = PyMem_RawCalloc((size_t)(count ? count : 1), sizeof *buffers);
    Output out = {PyMem_RawMalloc(1 << 16), 0, 1 << 16};
    if (columns == NULL || buffers == NULL || out.data == NULL || per_block < 1) {
        PyErr_SetString(PyExc_ValueError, "expected memory, and at least one row a block");
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
    found = PyList_New(0);
    for (Py_ssize_t start = 0; found != NULL && start < height; start += per_block) {
        Py_ssize_t stop = start + per_block < height ? start + per_block : height;
        out.size = 0;
        for (Py_ssize_t row = start; row < stop; row++)
            if (put_row(&out, columns, count, row) < 0) {
                PyErr_NoMemory();
                Py_CLEAR(found);
                goto done;
            }
        PyObject *block = PyBytes_FromStringAndSize((const char *)out.data, out.size);
        if (block == NULL || PyList_Append(found, block) < 0)
            Py_CLEAR(found);
        Py_XDECREF(block);
    }
done:
    PyMem_RawFree(out.data);
    PyMem_RawFree(columns);
    if (buffers != NULL)
        release(buffers, read);
    return found;
}

/* ---- Where rows begin ---- */

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

/* Steps over a value, or over its type alone where there is none to step over (`in` is NULL). */
static int skip(Input *in, Input *type, int depth);

/* Steps over a union of null and a type. */
static int skip_union(Input *in, Input *type, int depth)
{
    int64_t branch = 0;
    if (in != NULL && take_long(in, &branch) < 0)
        return -1;
    if (branch != 0 && branch != 1)
        return -1;
    return skip(branch ? in : NULL, type, depth);
}

static int skip_items(Input *in, Input *type, int depth)
{
    const Input items = *type;
    for (;;) {
        int64_t count, size;
        if (take_long(in, &count) < 0)
            return -1;
        if (count == 0)
            break;
        if (count < 0) { /* a block that says its size */
            if (take_long(in, &size) < 0 || skip_bytes(in, size) < 0)
                return -1;
            continue;
        }
        for (; count > 0; count--) {
            *type = items;
            if (skip_union(in, type, depth) < 0)
                return -1;
        }
    }
    *type = items;
    return skip(NULL, type, depth);
}

static int skip(Input *in, Input *type, int depth)
{
    int64_t length;
    if (depth > DEEPEST || type->at >= type->end)
        return -1;
    switch (*type->at++) {
    case 'l':
        return in == NULL ? 0 : take_long(in, &length);
    case 'd':
        return in == NULL ? 0 : skip_bytes(in, 8);
    case 'b':
        return in == NULL ? 0 : skip_bytes(in, 1);
    case 's':
        return in == NULL ? 0 : take_long(in, &length) < 0 ? -1 : skip_bytes(in, length);
    case 'a':
        return in == NULL ? skip(NULL, type, depth + 1) : skip_items(in, type, depth + 1);
    case 'r': {
        if (type->end - type->at < 2)
            return -1;
        int fields = type->at[0] | type->at[1] << 8;
        type->at += 2;
        for (; fields > 0; fields--)
            if (skip_union(in, type, depth + 1) < 0)
                return -1;
        return 0;
    }
    default:
        return -1;
    }
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
    /* Each row takes a byte at least: no more memory than there are bytes. */
    PyObject *found = count < 0 || count > data.len ? NULL : PyBytes_FromStringAndSize(NULL, (count + 1) * (Py_ssize_t)sizeof(int64_t));
    if (found == NULL)
        goto wrong;
    char *starts = PyBytes_AS_STRING(found);
    for (Py_ssize_t row = 0; row <= count; row++) {
        int64_t start = in.at - (const unsigned char *)data.buf;
        memcpy(starts + row * (Py_ssize_t)sizeof start, &start, sizeof start);
        Input of_row = {type.buf, (const unsigned char *)type.buf + type.len};
        if (row < count && skip(&in, &of_row, 0) < 0)
            goto wrong;
    }
    if (in.at != in.end)
        goto wrong;
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    return found;
wrong:
    Py_XDECREF(found);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "expected %zd rows of this type, and nothing behind them", count);
    return NULL;
}

static PyMethodDef METHODS[] = {{"encode", encode, METH_VARARGS, encode_doc},
                                {"row_starts", row_starts, METH_VARARGS, row_starts_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_avro_rows", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__avro_rows(void)
{
    return PyModule_Create(&MODULE);
}
