/* Encodes columns as Avro 1.11 rows, finds where rows begin and where blocks of them end: the fast half of rows.py and
   blocks.py in transforms/avro, the framing of blocks for parts.py, and all that splices.py reads of a block.

   Every field is a union of null and its type, in this order, as polars writes it: byte 0 for null, byte 2 and the value
   otherwise. Columns are sparse: the rows that have a value, ascending, and the values of just these. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "avro_changes.h"
#include "avro_columns.h"
#include "avro_containers.h"
#include "avro_row_types.h"
#include "crc32.h"

static PyMethodDef METHODS[] = {{"encode", encode, METH_VARARGS, encode_doc},
                                {"row_starts", row_starts, METH_VARARGS, row_starts_doc},
                                {"cut", cut, METH_VARARGS, cut_doc},
                                {"framed", framed, METH_VARARGS, framed_doc},
                                {"blocks", blocks, METH_VARARGS, blocks_doc},
                                {"spliced", spliced, METH_VARARGS, spliced_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_avro_rows", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__avro_rows(void)
{
    prepare_crc32();
    return PyModule_Create(&MODULE);
}
