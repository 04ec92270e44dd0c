/* The extension: plain records to columns (shred.c), and columns to blocks of Avro 1.11 rows, the fast half of rows.py and
   blocks.py in transforms/avro. Python twins of both give the same values and bytes.

   Every field is a union of null and its type, in this order, as polars writes it: byte 0 for null, byte 2 and the value
   otherwise. Columns are sparse: the rows that have a value, ascending, and the values of just these. */

#include "shred.h" /* first, for it includes Python.h */

#include "avro_columns.h"
#include "avro_row_types.h"

static PyMethodDef METHODS[] = {{"shred", shred, METH_VARARGS, shred_doc},
                                {"encode", encode, METH_VARARGS, encode_doc},
                                {"row_starts", row_starts, METH_VARARGS, row_starts_doc},
                                {"cut", cut, METH_VARARGS, cut_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_kernels", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernels(void)
{
    make_crc_tables();
    return PyModule_Create(&MODULE);
}
