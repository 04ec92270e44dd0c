/* Replaces rows in the blocks of a container; blocks without a change are left as they are. */

#ifndef AVRO_CHANGES_H
#define AVRO_CHANGES_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "avro_containers.h"
#include "avro_row_types.h"
#include "crc32.h"
#include "snappy.h"

/* A block of the container: an entry of the table that `blocks` makes; the entry behind it says where it ends. */
typedef struct {
    int64_t begin, count, payload, size;
} Entry;

/* A container whose blocks change: its bytes, its blocks, and room for the rows of one of them. */
typedef struct {
    Py_buffer data, table, type, marker;
    const Entry *entries;
    Py_ssize_t count; /* of blocks */
    RowType of_row;
    Output rows;
} Container;

static void close_container(Container *of)
{
    PyMem_RawFree(of->rows.data);
    PyMem_RawFree(of->of_row.members);
    PyBuffer_Release(&of->data);
    PyBuffer_Release(&of->table);
    PyBuffer_Release(&of->type);
    PyBuffer_Release(&of->marker);
}

/* Sets up a container whose buffers are there; -1 with an exception where they are not what they should be. */
static int open_container(Container *of)
{
    of->rows.data = NULL;
    of->rows.size = of->rows.room = 0;
    if (take_row_type(&of->type, &of->of_row) < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "expected the type of a record");
        return -1;
    }
    const Py_ssize_t numbers = of->table.len / (Py_ssize_t)sizeof(int64_t);
    of->entries = of->table.buf;
    of->count = numbers / 4;
    const int64_t *all = of->table.buf;
    int64_t before = 0;
    int sound = numbers % 4 == 1 && all[numbers - 1] <= of->data.len;
    for (Py_ssize_t at = 0; sound && at < of->count; at++) {
        const Entry *entry = &of->entries[at];
        const int64_t end = all[4 * (at + 1)];
        /* A row takes a byte at least, and so the sum of all counts is a number; no memory for what cannot be. */
        sound = entry->begin >= before && entry->payload >= entry->begin && end >= entry->payload &&
                end - entry->payload >= CHECK + of->marker.len && entry->count >= 0 && entry->count <= entry->size &&
                entry->size / MOST_OF_A_BYTE <= end - entry->payload;
        before = end;
        if (sound && entry->size > of->rows.room)
            of->rows.room = (Py_ssize_t)entry->size;
    }
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "expected the table of the blocks of this container");
        return -1;
    }
    of->rows.data = PyMem_RawMalloc((size_t)of->rows.room + SLACK);
    if (of->rows.data == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* How many bytes snappy made of a block. */
static Py_ssize_t payload_size(const Container *of, Py_ssize_t at)
{
    const int64_t *all = of->table.buf;
    return (Py_ssize_t)(all[4 * (at + 1)] - of->entries[at].payload) - CHECK - of->marker.len;
}

/* Of ascending numbers, how many are less than one. */
static Py_ssize_t before_number(const int64_t *numbers, Py_ssize_t count, int64_t than)
{
    Py_ssize_t low = 0;
    while (low < count) {
        Py_ssize_t middle = low + (count - low) / 2;
        if (numbers[middle] < than)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Rows that are removed and added; see `spliced`. */
typedef struct {
    const int64_t *removed, *bounds, *before;
    const unsigned char *rows;
    /* `removed_at` of the removed rows and `added_at` of the added ones are before the row at hand. */
    Py_ssize_t removed_count, removed_at, added_count, added_at, size;
} Edits;

/* Adds the new rows that belong before a row. NULL, or what is wrong, "" with an exception. */
static const char *add_rows_before(Cutter *to, Edits *edits, int64_t number, const RowType *type, Py_ssize_t naming)
{
    for (; edits->added_at < edits->added_count && edits->before[edits->added_at] <= number; edits->added_at++) {
        const int64_t start = edits->bounds[edits->added_at], stop = edits->bounds[edits->added_at + 1];
        if (start < 0 || start > stop || stop > edits->size)
            return "expected bounds of the added rows";
        Input in = {edits->rows + start, edits->rows + stop};
        Py_ssize_t named;
        if (skip_row(&in, type, naming, &named) < 0 || in.at != in.end)
            return "expected added rows of this type";
        if (add_row(to, edits->rows + start, stop - start, named) < 0)
            return "";
    }
    return NULL;
}

/* Adds the rows of a block as they are to be. NULL, or what is wrong, "" with an exception. */
static const char *add_block(Cutter *to, Edits *edits, const Container *of, Py_ssize_t at, int64_t first, Py_ssize_t naming)
{
    const Entry *entry = &of->entries[at];
    const unsigned char *payload = (const unsigned char *)of->data.buf + entry->payload;
    const Py_ssize_t length = payload_size(of, at);
    if (uncompress(payload, length, of->rows.data, (Py_ssize_t)entry->size) < 0)
        return "expected what snappy made of rows";
    if (crc32_of(of->rows.data, (Py_ssize_t)entry->size) != crc32_at(payload + length))
        return "expected rows with the checksum behind them";
    Input in = {of->rows.data, of->rows.data + entry->size};
    for (int64_t number = first; number < first + entry->count; number++) {
        const char *wrong = add_rows_before(to, edits, number, &of->of_row, naming);
        if (wrong != NULL)
            return wrong;
        const unsigned char *start = in.at;
        Py_ssize_t named;
        if (skip_row(&in, &of->of_row, naming, &named) < 0)
            return ROWS_WRONG;
        if (edits->removed_at < edits->removed_count && edits->removed[edits->removed_at] == number)
            edits->removed_at++;
        else if (add_row(to, start, in.at - start, named) < 0)
            return "";
    }
    return in.at == in.end ? NULL : ROWS_WRONG;
}

/* Appends a byte range, (start, stop), to a list. */
static int append_range(PyObject *pieces, int64_t start, int64_t stop)
{
    PyObject *piece = Py_BuildValue("LL", (long long)start, (long long)stop);
    const int failed = piece == NULL || PyList_Append(pieces, piece) < 0;
    Py_XDECREF(piece);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(spliced_doc,
             "spliced(data, table, marker, type, naming, least, removed, rows, bounds, before, first, most) "
             "-> (pieces, next)\n\n"
             "The blocks of a container from the number `first` on with other rows, up to where about `most` bytes of rows "
             "are in blocks of their own, and a block begins where one did: `next`, how many there are if none does.\n"
             "pieces: (start, stop) for bytes of the container that are copied, (rows, bytes) for a block that is to be written.\n"
             "table: as `blocks` gives it.\n"
             "The rows with the numbers `removed` (int64, ascending) are left out, and row n of `rows` (from bounds[n] to "
             "bounds[n + 1]) is added before the row before[n] (int64, ascending), or behind all.");

static PyObject *spliced(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Container of;
    Py_buffer removed, rows, bounds, before;
    Py_ssize_t naming, least, at, most;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*nny*y*y*y*nn", &of.data, &of.table, &of.marker, &of.type, &naming, &least,
                          &removed, &rows, &bounds, &before, &at, &most))
        return NULL;
    const Py_ssize_t width = sizeof(int64_t);
    Edits edits = {removed.buf, bounds.buf, before.buf, rows.buf, removed.len / width, 0, before.len / width, 0, rows.len};
    PyObject *found = NULL;
    const char *wrong = "";
    Cutter to = {PyList_New(0), {PyMem_RawMalloc(1 << 16), 0, 1 << 16}, 0, least};
    if (open_container(&of) < 0)
        goto done;
    if (to.blocks == NULL || to.out.data == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    wrong = "expected bounds of the added rows, and a block to begin with";
    if ((edits.added_count && bounds.len / width <= edits.added_count) || at < 0 || at > of.count)
        goto done;
    int64_t first = 0, written = 0;
    for (Py_ssize_t block = 0; block < at; block++)
        first += of.entries[block].count;
    edits.removed_at = before_number(edits.removed, edits.removed_count, first);
    edits.added_at = at ? before_number(edits.before, edits.added_count, first) : 0;
    int64_t copied = -1; /* where the unchanged bytes begin */
    for (; at < of.count && !(written >= most && to.rows == 0); at++) {
        const Entry *entry = &of.entries[at];
        const int64_t behind = first + entry->count;
        const int removes = edits.removed_at < edits.removed_count && edits.removed[edits.removed_at] < behind;
        const int adds = edits.added_at < edits.added_count &&
                         (edits.before[edits.added_at] < behind || at == of.count - 1);
        if (to.rows == 0 && !removes && !adds) {
            if (copied < 0)
                copied = entry->begin;
        } else {
            wrong = copied >= 0 && append_range(to.blocks, copied, entry->begin) < 0
                        ? ""
                        : add_block(&to, &edits, &of, at, first, naming);
            if (wrong != NULL)
                goto done;
            copied = -1;
            written += entry->size;
        }
        first = behind;
    }
    wrong = at == of.count ? add_rows_before(&to, &edits, INT64_MAX, &of.of_row, naming) : NULL;
    if (wrong != NULL)
        goto done;
    wrong = "";
    if (copied >= 0 && append_range(to.blocks, copied, ((const int64_t *)of.table.buf)[4 * at]) < 0)
        goto done;
    if (to.rows && append_block(to.blocks, to.rows, to.out.data, to.out.size) < 0)
        goto done;
    wrong = NULL;
    found = Py_BuildValue("On", to.blocks, at);
done:
    if (wrong != NULL && *wrong)
        PyErr_SetString(PyExc_ValueError, wrong);
    Py_XDECREF(to.blocks);
    PyMem_RawFree(to.out.data);
    close_container(&of);
    PyBuffer_Release(&removed);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&bounds);
    PyBuffer_Release(&before);
    return found;
}

#endif
