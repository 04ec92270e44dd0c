/* Plain records shredded into columns: the fast half of transforms/kernels/normalize/native_json.py, which says what it promises.

   A record is either taken whole, exactly as the parser and the rules would have it, or declined and left to them. So
   whatever is not clearly fine is declined: escapes that make no character, numbers of many digits, keys that come
   twice, a type that is not expected. Each record is parsed into cells first, and put into the columns only when all of
   it was taken.

   Records lie in one block. Behind each stands a line end, or the NUL that Python puts behind a bytes object; every scan
   stops at NUL, and at a line end wherever none may stand. Where white space is skipped, one may: so a scan can leave a
   record that is not whole and go on in the next one, which is seen when the record should be over.
*/

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "shred_columns.h"
#include "shred_records.h"
#include "shredder.h"

/* (rows, values, data) of a column; None for rows where each has a value. */
static PyObject *column_object(const Shredder *self, Column *column)
{
    PyObject *rows = Py_None;
    if (column->count == self->rows)
        Py_INCREF(rows);
    else if (!column->rows.size && list_rows(column) < 0)
        return NULL;
    else
        rows = bytes_of(&column->rows);
    return Py_BuildValue("(NNN)", rows, bytes_of(&column->values), bytes_of(&column->data));
}

static PyObject *core_object(Shredder *self)
{
    PyObject *found = PyList_New(0);
    for (int i = 0; found != NULL && i < self->core_count; i++) {
        PyObject *column = column_object(self, &self->core[i].column);
        if (column == NULL || PyList_Append(found, column) < 0)
            Py_CLEAR(found);
        Py_XDECREF(column);
    }
    return found;
}

/* [(key, form, (rows, values, data))], without the columns that have no value. */
static PyObject *metadata_object(Shredder *self)
{
    PyObject *found = PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < self->field_count; i++) {
        Field *field = &self->fields[i];
        for (int form = 0; found != NULL && form < FORMS; form++) {
            if (!field->columns[form].count)
                continue;
            PyObject *one = Py_BuildValue("(s#iN)", field->name, field->length, form, column_object(self, &field->columns[form]));
            if (one == NULL || PyList_Append(found, one) < 0)
                Py_CLEAR(found);
            Py_XDECREF(one);
        }
    }
    return found;
}

static void clear(Shredder *self)
{
    for (int i = 0; i < self->core_count; i++)
        clear_column(&self->core[i].column);
    for (Py_ssize_t i = 0; i < self->field_count; i++) {
        for (int form = 0; form < FORMS; form++)
            clear_column(&self->fields[i].columns[form]);
        PyMem_RawFree(self->fields[i].name);
    }
    PyMem_RawFree(self->fields);
    PyMem_RawFree(self->table);
    PyMem_RawFree(self->expected);
    PyMem_RawFree(self->cells);
    Py_XDECREF(self->scratch.bytes);
    Py_XDECREF(self->places.bytes);
}

/* Reads the description of the records; the strings stay with the Python objects that the caller holds. */
static int describe(Shredder *self, PyObject *core, PyObject *reserved, PyObject *coordinates)
{
    Py_ssize_t count = PyTuple_GET_SIZE(core);
    if (count > MOST_CORE || PyTuple_GET_SIZE(reserved) > 8 || PyTuple_GET_SIZE(coordinates) != 4) {
        PyErr_Format(PyExc_ValueError, "expected at most 16 core keys and 8 reserved ones, and 4 coordinates");
        return -1;
    }
    for (; self->core_count < count; self->core_count++) {
        Core *one = &self->core[self->core_count];
        int kind;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(core, self->core_count), "s#is#", &one->name, &one->length, &kind,
                              &one->literal, &one->literal_length))
            return -1;
        one->kind = (enum kind)kind;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(reserved); i++) {
        self->reserved[i] = PyUnicode_AsUTF8AndSize(PyTuple_GET_ITEM(reserved, i), &self->reserved_length[i]);
        if (self->reserved[i] == NULL)
            return -1;
        self->reserved_count++;
    }
    for (int i = 0; i < 4; i++)
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(coordinates, i), "s#d", &self->coordinate[i], &self->coordinate_length[i],
                              &self->limit[i]))
            return -1;
    return 0;
}

PyDoc_STRVAR(shred_doc,
             "shred(data, starts, ends, core, reserved, coordinates, skip, most_fields) -> (places, core columns, metadata columns)\n\n"
             "`data` is a bytes object, and the byte behind a record as transforms/raw_records.py has it.\n"
             "See transforms/kernels/normalize/native_json.py, which calls it.");

static PyObject *shred(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *block, *core, *reserved, *coordinates, *found = NULL;
    const char *starts, *ends, *skip;
    Py_ssize_t starts_length, ends_length, skip_length, most_fields;
    /* Only a bytes object has its NUL behind it. */
    if (!PyArg_ParseTuple(arguments, "O!y#y#O!O!O!y#n", &PyBytes_Type, &block, &starts, &starts_length, &ends, &ends_length,
                          &PyTuple_Type, &core, &PyTuple_Type, &reserved, &PyTuple_Type, &coordinates, &skip, &skip_length,
                          &most_fields))
        return NULL;
    Shredder self;
    memset(&self, 0, sizeof self);
    self.most_fields = most_fields;
    if (describe(&self, core, reserved, coordinates) < 0)
        goto done;
    const char *text = PyBytes_AS_STRING(block);
    Py_ssize_t size = PyBytes_GET_SIZE(block), count = starts_length / (Py_ssize_t)sizeof(int64_t);
    if (starts_length % (Py_ssize_t)sizeof(int64_t) || ends_length != starts_length) {
        PyErr_Format(PyExc_ValueError, "expected as many ends as starts, int64, got %zd and %zd bytes", starts_length,
                     ends_length);
        goto done;
    }
    if (skip_length && skip_length != count) {
        PyErr_Format(PyExc_ValueError, "expected %zd bytes that say what to skip, got %zd", count, skip_length);
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        int64_t start, end;
        memcpy(&start, starts + i * (Py_ssize_t)sizeof start, sizeof start);
        memcpy(&end, ends + i * (Py_ssize_t)sizeof end, sizeof end);
        if (start < 0 || start > end || end > size || (text[end] != 0 && text[end] != '\n' && text[end] != '\r')) {
            PyErr_Format(PyExc_ValueError, "expected records in a block of %zd bytes with a line end behind each, got %lld to %lld",
                         size, (long long)start, (long long)end);
            goto done;
        }
        if (skip_length && skip[i])
            continue;
        self.record = i;
        int result = parse_record(&self, text + start, text + end);
        if (result == FAILED || (result == DECLINED && PyErr_Occurred()) || (result == TAKEN && commit(&self, i) < 0)) {
            PyErr_NoMemory();
            goto done;
        }
    }
    found = Py_BuildValue("(NNN)", bytes_of(&self.places), core_object(&self), metadata_object(&self));
done:
    clear(&self);
    return found;
}

static PyMethodDef METHODS[] = {{"shred", shred, METH_VARARGS, shred_doc}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_shredding", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__shredding(void)
{
    return PyModule_Create(&MODULE);
}
