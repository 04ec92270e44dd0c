/* SHA-256, CRC-32 and the registers of a HyperLogLog sketch, of many texts at once: the fast half of
   transforms/kernels/batch/hashing.py. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "crc32.h"
#include "hyperloglog.h"
#include "sha256.h"
#include "texts.h"

PyDoc_STRVAR(sha256_doc, "sha256(offsets, data) -> bytes: 32 for each text");

static PyObject *sha256_column(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Texts texts;
    if (!PyArg_ParseTuple(arguments, "y*y*", &texts.offsets, &texts.data) || check_texts(&texts) < 0)
        return NULL;
    PyObject *found = PyBytes_FromStringAndSize(NULL, texts.count * 32);
    if (found != NULL)
        for (Py_ssize_t i = 0; i < texts.count; i++)
            sha256_of(text_of(&texts, i), length_of(&texts, i),
                      (unsigned char *)PyBytes_AS_STRING(found) + 32 * i);
    release_texts(&texts);
    return found;
}

PyDoc_STRVAR(crc32_doc, "crc32(offsets, data) -> bytes: a uint32 for each text");

static PyObject *crc32_column(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Texts texts;
    if (!PyArg_ParseTuple(arguments, "y*y*", &texts.offsets, &texts.data) || check_texts(&texts) < 0)
        return NULL;
    PyObject *found = PyBytes_FromStringAndSize(NULL, texts.count * (Py_ssize_t)sizeof(uint32_t));
    if (found != NULL)
        for (Py_ssize_t i = 0; i < texts.count; i++) {
            uint32_t value = crc32_of(text_of(&texts, i), length_of(&texts, i));
            memcpy(PyBytes_AS_STRING(found) + i * (Py_ssize_t)sizeof value, &value, sizeof value);
        }
    release_texts(&texts);
    return found;
}

PyDoc_STRVAR(registers_doc,
             "registers(offsets, data, lg_k[, meant]) -> bytes, one for each register of a HyperLogLog sketch: leading zeros "
             "and one, 0 where it is empty; only texts that are meant (a byte each) count");

static PyObject *registers(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    static const unsigned char NOTHING[8] = {255, 255, 255, 255, 255, 255, 255, 255}; /* what "" is hashed as */
    Texts texts;
    Py_buffer meant = {0};
    int lg_k;
    if (!PyArg_ParseTuple(arguments, "y*y*i|y*", &texts.offsets, &texts.data, &lg_k, &meant))
        return NULL;
    if (check_texts(&texts) < 0) {
        PyBuffer_Release(&meant);
        return NULL;
    }
    const unsigned char *counts = meant.buf;
    PyObject *found = NULL;
    if (lg_k < 1 || lg_k > 21 || (counts != NULL && meant.len < texts.count))
        PyErr_SetString(PyExc_ValueError, "expected lg_k from 1 to 21, and a byte for each text if any");
    else
        found = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)1 << lg_k);
    if (found != NULL) {
        unsigned char *heights = (unsigned char *)PyBytes_AS_STRING(found);
        memset(heights, 0, (size_t)1 << lg_k);
        for (Py_ssize_t i = 0; i < texts.count; i++) {
            if (counts != NULL && !counts[i])
                continue;
            const int64_t length = length_of(&texts, i);
            uint64_t hash[2];
            if (length)
                murmur(text_of(&texts, i), length, hash);
            else
                murmur(NOTHING, sizeof NOTHING, hash);
            size_t at = (size_t)hash[0] & (((size_t)1 << lg_k) - 1);
            int zeros = 0;
            while (zeros < MOST_ZEROS && !(hash[1] >> (63 - zeros) & 1))
                zeros++;
            if (heights[at] < zeros + 1)
                heights[at] = (unsigned char)(zeros + 1);
        }
    }
    PyBuffer_Release(&meant);
    release_texts(&texts);
    return found;
}

static PyMethodDef METHODS[] = {{"sha256", sha256_column, METH_VARARGS, sha256_doc},
                                {"registers", registers, METH_VARARGS, registers_doc},
                                {"crc32", crc32_column, METH_VARARGS, crc32_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_digests", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__digests(void)
{
    prepare_crc32();
    prepare_sha256();
    return PyModule_Create(&MODULE);
}
