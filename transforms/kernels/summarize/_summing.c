/* Exact sums of doubles: the fast half of `double_sums` in transforms/kernels/summarize/columns.py.

   A double is a mantissa of 53 bits times a power of two. Mantissas and their squares (106 bits) of one exponent are
   summed as integers, which lose nothing: 2**63 of them fit into 128 and 192 bits. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#ifdef __SIZEOF_INT128__

#define EXPONENTS 2048
#define MANTISSA_BITS 52

typedef struct {
    int is_used;
    __int128 total;
    unsigned __int128 squares;
    uint64_t carried; /* out of the squares */
} Sums;

PyDoc_STRVAR(sums_doc,
             "sums(doubles) -> [(exponent bits, total, squares, carried)], by exponent\n\n"
             "`total` is of the mantissas with their signs, 16 bytes; of the squares there are 16 bytes, and what they carried.");

static PyObject *sums(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Py_buffer given;
    if (PyObject_GetBuffer(argument, &given, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *found = NULL;
    Sums *by_exponent = PyMem_RawCalloc(EXPONENTS, sizeof *by_exponent);
    if (given.len % 8) {
        PyErr_Format(PyExc_ValueError, "expected doubles, got %zd bytes", given.len);
        goto done;
    }
    if (by_exponent == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (const char *at = given.buf, *end = at + given.len; at < end; at += 8) {
        uint64_t bits;
        memcpy(&bits, at, sizeof bits);
        unsigned exponent = (unsigned)(bits >> MANTISSA_BITS) & (EXPONENTS - 1);
        uint64_t mantissa = (bits & ((1ULL << MANTISSA_BITS) - 1)) | (uint64_t)(exponent > 0) << MANTISSA_BITS;
        unsigned __int128 square = (unsigned __int128)mantissa * mantissa;
        Sums *own = &by_exponent[exponent];
        own->is_used = 1;
        own->total += bits >> 63 ? -(__int128)mantissa : (__int128)mantissa;
        own->squares += square;
        own->carried += own->squares < square;
    }
    found = PyList_New(0);
    for (int i = 0; found != NULL && i < EXPONENTS; i++) {
        const Sums *own = &by_exponent[i];
        if (!own->is_used)
            continue;
        PyObject *one = Py_BuildValue("(iy#y#K)", i, (const char *)&own->total, (Py_ssize_t)sizeof own->total,
                                      (const char *)&own->squares, (Py_ssize_t)sizeof own->squares,
                                      (unsigned long long)own->carried);
        if (one == NULL || PyList_Append(found, one) < 0)
            Py_CLEAR(found);
        Py_XDECREF(one);
    }
done:
    PyMem_RawFree(by_exponent);
    PyBuffer_Release(&given);
    return found;
}

static PyMethodDef METHODS[] = {{"sums", sums, METH_O, sums_doc}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_summing", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__summing(void)
{
    return PyModule_Create(&MODULE);
}

#else
#error "integers of 128 bits are needed; without this extension the same sums come out, more slowly"
#endif
