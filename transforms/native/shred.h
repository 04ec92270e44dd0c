/* Plain records to columns, as Python calls it. */

#ifndef SHRED_H
#define SHRED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern const char shred_doc[];

PyObject *shred(PyObject *module, PyObject *arguments);

#endif
