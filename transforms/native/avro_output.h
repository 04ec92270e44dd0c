/* Avro as it is written: numbers, and rows that become blocks. */

#ifndef AVRO_OUTPUT_H
#define AVRO_OUTPUT_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "crc32.h"

typedef struct {
    unsigned char *data;
    Py_ssize_t size, room;
} Output;

static int reserve(Output *out, Py_ssize_t more)
{
    if (more <= out->room - out->size)
        return 0;
    if (more > PY_SSIZE_T_MAX / 4 - out->size)
        return -1;
    Py_ssize_t room = out->room;
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

/* Appends (rows, bytes of them) to a list. */
static int append_block(PyObject *blocks, Py_ssize_t rows, const unsigned char *data, Py_ssize_t size)
{
    PyObject *block = Py_BuildValue("ny#", rows, (const char *)data, size);
    int failed = block == NULL || PyList_Append(blocks, block) < 0;
    Py_XDECREF(block);
    return failed ? -1 : 0;
}

/* ---- Where blocks end: the numbers and the rule are those of blocks.py ---- */

#define SPREAD 0x9E3779B1u
#define SHIFT 28 /* one in 16 */
#define MOST_ROWS 1024
#define MOST_BYTES (1 << 20)

/* Whether a block ends behind a row: given its rows and bytes with this one, how many rows it has at least, and the fields
   that name the row. */
static inline int ends_block(Py_ssize_t rows, Py_ssize_t bytes, Py_ssize_t least, const unsigned char *name, Py_ssize_t length)
{
    return rows >= MOST_ROWS || bytes >= MOST_BYTES || (rows >= least && crc32_of(name, length) * SPREAD >> SHIFT == 0);
}

#endif
