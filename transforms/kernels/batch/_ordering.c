/* The order of many texts, byte by byte and stable: the fast half of transforms/kernels/batch/sorting.py.

   Texts are told apart by the eight bytes behind what all of them begin with, taken as a number; numbers are sorted by
   their bytes. Only where these are equal texts are compared. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "texts.h"

#define FEW 48      /* so many are sorted by comparing */
#define DEEPEST 16  /* so often texts are told apart by another eight bytes, then by comparing */

typedef struct {
    uint64_t key;
    int64_t number; /* of the text */
} Entry;

static int is_greater(const Texts *texts, int64_t one, int64_t other)
{
    int64_t first = length_of(texts, one), second = length_of(texts, other);
    int found = memcmp(text_of(texts, one), text_of(texts, other), (size_t)(first < second ? first : second));
    return found > 0 || (found == 0 && first > second);
}

/* Sorts by comparing: stretches by insertion, then merged. `spare` has room for as many entries. */
static void merge_sort(const Texts *texts, Entry *entries, Entry *spare, int64_t count)
{
    for (int64_t start = 0; start < count; start += FEW) {
        int64_t stop = start + FEW < count ? start + FEW : count;
        for (int64_t i = start + 1; i < stop; i++) {
            Entry moved = entries[i];
            int64_t at = i;
            for (; at > start && is_greater(texts, entries[at - 1].number, moved.number); at--)
                entries[at] = entries[at - 1];
            entries[at] = moved;
        }
    }
    for (int64_t width = FEW; width < count; width *= 2) {
        for (int64_t start = 0; start + width < count; start += 2 * width) {
            int64_t middle = start + width, stop = middle + width < count ? middle + width : count;
            int64_t left = 0, right = middle, at = start;
            memcpy(spare, entries + start, (size_t)width * sizeof *spare);
            while (left < width && right < stop)
                entries[at++] = is_greater(texts, spare[left].number, entries[right].number) ? entries[right++] : spare[left++];
            memcpy(entries + at, spare + left, (size_t)(width - left) * sizeof *spare);
        }
    }
}

/* With how many bytes all of these texts begin alike. */
static int64_t common_length(const Texts *texts, const Entry *entries, int64_t count)
{
    const unsigned char *first = text_of(texts, entries[0].number);
    int64_t common = length_of(texts, entries[0].number);
    for (int64_t i = 1; i < count && common > 0; i++) {
        const unsigned char *text = text_of(texts, entries[i].number);
        int64_t length = length_of(texts, entries[i].number), same = 0;
        if (length < common)
            common = length;
        if (memcmp(first, text, (size_t)common) == 0)
            continue;
        while (same < common && first[same] == text[same])
            same++;
        common = same;
    }
    return common;
}

/* Eight bytes of a text as a number of the same order; zeros behind its end. */
static uint64_t key_of(const Texts *texts, int64_t number, int64_t skip)
{
    const unsigned char *text = text_of(texts, number) + skip;
    int64_t length = length_of(texts, number) - skip;
    uint64_t key = 0;
    for (int i = 0; i < 8; i++)
        key = key << 8 | (i < length ? text[i] : 0);
    return key;
}

/* Sorts by key, byte by byte from the last, bytes that are all alike left out. */
static void radix_sort(Entry *entries, Entry *spare, int64_t count)
{
    int64_t counts[8][256];
    memset(counts, 0, sizeof counts);
    for (int64_t i = 0; i < count; i++)
        for (int byte = 0; byte < 8; byte++)
            counts[byte][entries[i].key >> 8 * byte & 0xFF]++;
    Entry *from = entries, *to = spare;
    for (int byte = 0; byte < 8; byte++) {
        int64_t *places = counts[byte], next = 0;
        if (places[from[0].key >> 8 * byte & 0xFF] == count)
            continue;
        for (int value = 0; value < 256; value++) {
            int64_t here = places[value];
            places[value] = next;
            next += here;
        }
        for (int64_t i = 0; i < count; i++)
            to[places[from[i].key >> 8 * byte & 0xFF]++] = from[i];
        Entry *other = from;
        from = to;
        to = other;
    }
    if (from != entries)
        memcpy(entries, from, (size_t)count * sizeof *entries);
}

static void sort(const Texts *texts, Entry *entries, Entry *spare, int64_t count, int depth)
{
    if (count <= FEW || depth == DEEPEST) {
        merge_sort(texts, entries, spare, count);
        return;
    }
    int64_t skip = common_length(texts, entries, count);
    for (int64_t i = 0; i < count; i++)
        entries[i].key = key_of(texts, entries[i].number, skip);
    radix_sort(entries, spare, count);
    for (int64_t start = 0, stop; start < count; start = stop) {
        int is_told = 1; /* whether all of these texts end within the eight bytes, at one place: then they are equal */
        int64_t length = length_of(texts, entries[start].number);
        for (stop = start; stop < count && entries[stop].key == entries[start].key; stop++)
            is_told &= length_of(texts, entries[stop].number) == length;
        if (stop - start > 1 && !(is_told && length <= skip + 8))
            sort(texts, entries + start, spare, stop - start, depth + 1);
    }
}

PyDoc_STRVAR(order_doc, "order(offsets, data) -> bytes, N int64: the numbers of the texts in their order, of equal ones as they come\n\n"
                        "offsets: N + 1 int64 into the bytes of the texts, ascending.");

static PyObject *order(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Texts texts;
    if (!PyArg_ParseTuple(arguments, "y*y*", &texts.offsets, &texts.data) || check_texts(&texts) < 0)
        return NULL;
    const int64_t count = texts.count;
    PyObject *found = NULL;
    Entry *entries = NULL, *spare = NULL;
    entries = PyMem_RawMalloc((size_t)(count + 1) * sizeof *entries);
    spare = PyMem_RawMalloc((size_t)(count + 1) * sizeof *spare);
    found = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * (int64_t)sizeof(int64_t)));
    if (entries == NULL || spare == NULL || found == NULL) {
        Py_CLEAR(found);
        PyErr_NoMemory();
        goto done;
    }
    for (int64_t i = 0; i < count; i++)
        entries[i].number = i;
    sort(&texts, entries, spare, count, 0);
    for (int64_t i = 0; i < count; i++)
        memcpy(PyBytes_AS_STRING(found) + i * (int64_t)sizeof(int64_t), &entries[i].number, sizeof(int64_t));
done:
    PyMem_RawFree(entries);
    PyMem_RawFree(spare);
    release_texts(&texts);
    return found;
}

static PyMethodDef METHODS[] = {{"order", order, METH_VARARGS, order_doc}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_ordering", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__ordering(void)
{
    return PyModule_Create(&MODULE);
}
