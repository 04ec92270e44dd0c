/* Plain records shredded into columns: the fast half of transforms/kernels/normalize/native_json.py, which says what it
   promises.

   A record is either taken whole, exactly as the parser and the rules would have it, or declined and left to them. So
   whatever is not clearly fine is declined: numbers of many digits, keys that come twice, a type that is not expected.
   Each record becomes cells first, and these are put into the columns only when all of it was taken. */

#include "shred.h"

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
            PyObject *one = Py_BuildValue("(OiN)", field->name, form, column_object(self, &field->columns[form]));
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
        Py_DECREF(self->fields[i].name);
    }
    PyMem_RawFree(self->fields);
    Py_XDECREF(self->by_name);
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

const char shred_doc[] = PyDoc_STR(
             "shred(data, starts, ends, core, reserved, coordinates, skip, most_fields) -> (places, core columns, metadata columns)\n\n"
             "See transforms/kernels/normalize/native_json.py, which calls it.");

PyObject *shred(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *core, *reserved, *coordinates, *found = NULL;
    const char *text, *starts, *ends, *skip;
    Py_ssize_t size, starts_length, ends_length, skip_length, most_fields;
    if (!PyArg_ParseTuple(arguments, "y#y#y#O!O!O!y#n", &text, &size, &starts, &starts_length, &ends, &ends_length,
                          &PyTuple_Type, &core, &PyTuple_Type, &reserved, &PyTuple_Type, &coordinates, &skip, &skip_length,
                          &most_fields))
        return NULL;
    Shredder self;
    memset(&self, 0, sizeof self);
    self.most_fields = most_fields;
    self.by_name = PyDict_New();
    if (self.by_name == NULL || describe(&self, core, reserved, coordinates) < 0)
        goto done;
    Py_ssize_t count = starts_length / (Py_ssize_t)sizeof(int64_t);
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
        if (start < 0 || start > end || end > size) {
            PyErr_Format(PyExc_ValueError, "expected records in a block of %zd bytes, got %lld to %lld", size,
                          (long long)start, (long long)end);
            goto done;
        }
        if (skip_length && skip[i])
            continue;
        self.record = i;
        int result = take_record(&self, text + start, (size_t)(end - start));
        if (result == FAILED || PyErr_Occurred()) {
            if (!PyErr_Occurred())
                PyErr_NoMemory();
            goto done;
        }
    }
    found = Py_BuildValue("(NNN)", bytes_of(&self.places), core_object(&self), metadata_object(&self));
done:
    clear(&self);
    return found;
}
