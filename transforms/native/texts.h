/* A column of texts: what Arrow calls a large string array, int64 offsets, N + 1 of them, into bytes. */

#ifndef TEXTS_H
#define TEXTS_H

#include <Python.h>

#include <stdint.h>

typedef struct {
    Py_buffer offsets, data;
    const int64_t *at; /* the offsets */
    const unsigned char *bytes; /* into which they are */
    Py_ssize_t count;
} Texts;

static inline const unsigned char *text_of(const Texts *texts, int64_t number)
{
    return texts->bytes + texts->at[number];
}

static inline int64_t length_of(const Texts *texts, int64_t number)
{
    return texts->at[number + 1] - texts->at[number];
}

static inline void release_texts(Texts *texts)
{
    PyBuffer_Release(&texts->offsets);
    PyBuffer_Release(&texts->data);
}

/* Checks that all offsets lie in the bytes, in their order; -1, with an exception and without the buffers, if not. */
static inline int check_texts(Texts *texts)
{
    texts->at = texts->offsets.buf;
    texts->bytes = texts->data.buf != NULL ? texts->data.buf : (const unsigned char *)""; /* of no bytes there may be none */
    texts->count = texts->offsets.len / (Py_ssize_t)sizeof(int64_t) - 1;
    int fine = texts->offsets.len % (Py_ssize_t)sizeof(int64_t) == 0 && texts->count >= 0 && texts->at[0] >= 0;
    for (Py_ssize_t i = 0; fine && i < texts->count; i++)
        fine = texts->at[i] <= texts->at[i + 1];
    if (fine && texts->at[texts->count] <= texts->data.len)
        return 0;
    release_texts(texts);
    PyErr_SetString(PyExc_ValueError, "expected int64 offsets, ascending, into the bytes of the texts");
    return -1;
}

#endif
