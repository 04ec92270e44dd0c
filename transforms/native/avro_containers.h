/* Blocks in a container: written, and found. */

#ifndef AVRO_CONTAINERS_H
#define AVRO_CONTAINERS_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "avro_row_types.h"
#include "crc32.h"

#define CHECK 4 /* bytes of the checksum */

/* Puts a block: how many rows, how many bytes, what snappy made of the rows, their CRC-32, the marker. */
static int put_block(Output *out, Py_ssize_t count, const unsigned char *payload, Py_ssize_t size, uint32_t crc,
                     const Py_buffer *marker)
{
    if (reserve(out, 20 + size + CHECK + marker->len) < 0)
        return -1;
    unsigned char *at = put_long(put_long(out->data + out->size, count), size + CHECK);
    memcpy(at, payload, (size_t)size);
    at += size;
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (unsigned char)(crc >> shift);
    memcpy(at, marker->buf, (size_t)marker->len);
    out->size = at + marker->len - out->data;
    return 0;
}

/* The checksum that stands at a place, the most significant byte first. */
static uint32_t crc32_at(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

PyDoc_STRVAR(framed_doc,
             "framed(count, rows, compressed, marker) -> bytes\n\n"
             "A block of a container: how many rows, how many bytes, what snappy made of the rows, their CRC-32, the marker.");

static PyObject *framed(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t count;
    Py_buffer rows, compressed, marker;
    if (!PyArg_ParseTuple(arguments, "ny*y*y*", &count, &rows, &compressed, &marker))
        return NULL;
    Output out = {PyMem_RawMalloc(1 << 12), 0, 1 << 12};
    PyObject *found = NULL;
    if (out.data == NULL ||
        put_block(&out, count, compressed.buf, compressed.len, crc32_of(rows.buf, rows.len), &marker) < 0)
        PyErr_NoMemory();
    else
        found = PyBytes_FromStringAndSize((const char *)out.data, out.size);
    PyMem_RawFree(out.data);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&compressed);
    PyBuffer_Release(&marker);
    return found;
}

PyDoc_STRVAR(blocks_doc,
             "blocks(data, start, marker) -> bytes, four int64 for each block and one more\n\n"
             "The blocks of a container from `start` on: where each begins, how many rows it has, where its compressed bytes "
             "begin, and how many bytes they become; at last where all end.");

static PyObject *blocks(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t start;
    Py_buffer data, marker;
    if (!PyArg_ParseTuple(arguments, "y*ny*", &data, &start, &marker))
        return NULL;
    Output out = {PyMem_RawMalloc(1 << 12), 0, 1 << 12};
    PyObject *found = NULL;
    const unsigned char *base = data.buf;
    int sound = start >= 0 && start <= data.len, has_memory = out.data != NULL;
    Input in = {base + (sound ? start : 0), base + data.len};
    while (sound && has_memory && in.at < in.end) {
        int64_t entry[4] = {in.at - base, 0, 0, 0}, size;
        sound = take_long(&in, &entry[1]) == 0 && entry[1] >= 0 && take_long(&in, &size) == 0 && size > 4;
        entry[2] = in.at - base;
        const Input compressed = in;
        sound = sound && skip_bytes(&in, size) == 0 && in.end - in.at >= marker.len &&
                memcmp(in.at, marker.buf, (size_t)marker.len) == 0;
        has_memory = reserve(&out, 2 * sizeof entry) == 0;
        if (!sound || !has_memory)
            break;
        in.at += marker.len;
        const unsigned char *at = compressed.at; /* snappy begins with the length, seven bits a byte */
        for (int shift = 0; shift < 35 && at < in.end; shift += 7) {
            entry[3] |= (int64_t)(*at & 0x7F) << shift;
            if (*at++ < 0x80)
                break;
        }
        memcpy(out.data + out.size, entry, sizeof entry);
        out.size += sizeof entry;
    }
    if (!has_memory)
        PyErr_NoMemory();
    else if (sound) {
        int64_t end = data.len;
        memcpy(out.data + out.size, &end, sizeof end);
        found = PyBytes_FromStringAndSize((const char *)out.data, out.size + (Py_ssize_t)sizeof end);
    } else
        PyErr_SetString(PyExc_ValueError, "expected blocks, each with this marker behind it");
    PyMem_RawFree(out.data);
    PyBuffer_Release(&data);
    PyBuffer_Release(&marker);
    return found;
}

#endif
