/* Rows of columns as the binary encoding of Avro 1.11: the fast half of transforms/formats/avro_parts.py.

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

/* Zigzag, then seven bits a byte; the room for it is there. */
static void put_long(Output *out, int64_t value)
{
    uint64_t left = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    while (left > 0x7F) {
        out->data[out->size++] = (unsigned char)(left | 0x80);
        left >>= 7;
    }
    out->data[out->size++] = (unsigned char)left;
}

/* Finds the value of a row, or of the first row behind it that has one. */
static void advance(Column *column, int64_t row)
{
    while (column->at < column->count && column->rows[column->at] < row)
        column->at++;
    column->next = column->at < column->count ? column->rows[column->at] : INT64_MAX;
}

static int put_row(Output *out, Column *columns, Py_ssize_t count, int64_t row)
{
    for (Py_ssize_t i = 0; i < count;) {
        Column *column = &columns[i];
        if (reserve(out, 24) < 0)
            return -1;
        Py_ssize_t place = (Py_ssize_t)row;
        if (column->rows != NULL) {
            if (column->next < row)
                advance(column, row);
            if (column->next > row) {
                out->data[out->size++] = 0;
                i = column->behind;
                continue;
            }
            place = column->at;
        }
        out->data[out->size++] = 2;
        i++;
        switch (column->kind) {
        case LONG:
            put_long(out, ((const int64_t *)column->values)[place]);
            break;
        case DOUBLE:
            memcpy(out->data + out->size, (const double *)column->values + place, sizeof(double));
            out->size += (Py_ssize_t)sizeof(double);
            break;
        case BOOLEAN:
            out->data[out->size++] = ((const unsigned char *)column->values)[place] != 0;
            break;
        case STRING: {
            const int64_t *offsets = column->values;
            int64_t length = offsets[place + 1] - offsets[place];
            put_long(out, length);
            if (reserve(out, (Py_ssize_t)length) < 0)
                return -1;
            memcpy(out->data + out->size, column->data + offsets[place], (size_t)length);
            out->size += (Py_ssize_t)length;
            break;
        }
        case RECORD:
            break; /* its fields follow */
        }
    }
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

static PyMethodDef METHODS[] = {{"encode", encode, METH_VARARGS, encode_doc}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_avro_rows", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__avro_rows(void)
{
    return PyModule_Create(&MODULE);
}
