/* Columns as they are filled: buffers that Python takes over. */

#ifndef SHRED_COLUMNS_H
#define SHRED_COLUMNS_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

/* Grows as a bytes object, so that what is in it is handed to Python without a copy. */
typedef struct {
    PyObject *bytes;
    char *data; /* in it */
    Py_ssize_t size, room;
} Buffer;

/* -1 with a MemoryError where there is no memory. */
static int reserve(Buffer *buffer, Py_ssize_t more)
{
    if (more <= buffer->room - buffer->size)
        return 0;
    if (more > PY_SSIZE_T_MAX / 4 - buffer->size) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t room = buffer->room ? buffer->room : 64;
    while (room < buffer->size + more)
        room *= 2;
    if (buffer->bytes == NULL)
        buffer->bytes = PyBytes_FromStringAndSize(NULL, room);
    else
        _PyBytes_Resize(&buffer->bytes, room); /* leaves NULL and a MemoryError where there is no memory */
    if (buffer->bytes == NULL) {
        buffer->data = NULL;
        buffer->size = buffer->room = 0;
        return -1;
    }
    buffer->data = PyBytes_AS_STRING(buffer->bytes);
    buffer->room = room;
    return 0;
}

/* What is in the buffer, which is empty then. */
static PyObject *bytes_of(Buffer *buffer)
{
    PyObject *bytes = buffer->bytes;
    if (bytes == NULL)
        return PyBytes_FromStringAndSize(NULL, 0);
    _PyBytes_Resize(&bytes, buffer->size);
    *buffer = (Buffer){0};
    return bytes;
}

static int add(Buffer *buffer, const void *data, Py_ssize_t size)
{
    if (!size)
        return 0; /* there may be no buffer yet, into which not even nothing may be copied */
    if (reserve(buffer, size) < 0)
        return -1;
    memcpy(buffer->data + buffer->size, data, (size_t)size);
    buffer->size += size;
    return 0;
}

static int add_int64(Buffer *buffer, int64_t value)
{
    if (buffer->room - buffer->size < (Py_ssize_t)sizeof value && reserve(buffer, sizeof value) < 0)
        return -1;
    memcpy(buffer->data + buffer->size, &value, sizeof value);
    buffer->size += (Py_ssize_t)sizeof value;
    return 0;
}

static int add_double(Buffer *buffer, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return add_int64(buffer, bits);
}

/* Values of one column: int64, double, one byte, or (texts) 0 and the int64 ends of what is in `data`.

   `rows` says of which row each value is; it stays empty as long as value number i is that of row i. */
typedef struct {
    Buffer rows, values, data;
    int64_t count;
} Column;

static int list_rows(Column *column)
{
    for (int64_t row = 0; row < column->count; row++)
        if (add_int64(&column->rows, row) < 0)
            return -1;
    return 0;
}

static int add_row(Column *column, int64_t row)
{
    if (!column->rows.size) {
        if (column->count == row) {
            column->count++;
            return 0;
        }
        if (list_rows(column) < 0)
            return -1;
    }
    column->count++;
    return add_int64(&column->rows, row);
}

static void clear_column(Column *column)
{
    Py_XDECREF(column->rows.bytes);
    Py_XDECREF(column->values.bytes);
    Py_XDECREF(column->data.bytes);
}

#endif
