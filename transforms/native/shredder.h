/* What is known of the records that are shredded: keys, columns, and the record at hand. */

#ifndef SHREDDER_H
#define SHREDDER_H

#include <Python.h>

#include <stdint.h>

#include "shred_columns.h"

/* What a core key of a record has to be; the numbers are those of shredding.py. */
enum kind { TEXT, STRING, STRING_OR_NULL, NUMBER_OR_NULL, NOTHING, METADATA, BOX, LITERAL };

/* How a metadata value is stored; the numbers are places in its _FORM_NAMES. */
enum form { FORM_NULL, FORM_BOOL, FORM_INT, FORM_FLOAT, FORM_STRING, FORM_JSON, FORMS };

enum { MOST_CORE = 16, DEEPEST = 100, POOL_BYTES = 1 << 16 };

static const double EXACT_IN_DOUBLE = 9007199254740992.0; /* 2**53 */

enum role { ORDINARY, RESERVED, NORTH_LONG, EAST_LONG, NORTH_SHORT, EAST_SHORT };

/* A metadata key. */
typedef struct {
    PyObject *name; /* a str */
    const char *text; /* its UTF-8 */
    Py_ssize_t length;
    enum role role;
    int64_t last_record; /* that had this key, to find repeated keys */
    Column columns[FORMS];
} Field;

typedef struct {
    const char *text; /* NULL: in the scratch, at `start` */
    Py_ssize_t start, length; /* a text of the document lives as long as this */
} Text;

typedef struct {
    Py_ssize_t field;
    enum form form;
    union {
        int64_t integer;
        double real;
        Text text;
    } as;
} Cell;

typedef struct {
    const char *name;
    Py_ssize_t length;
    enum kind kind;
    const char *literal; /* of LITERAL */
    Py_ssize_t literal_length;
    Column column;
    /* of the record at hand: */
    int is_seen, is_null;
    double number;
    Text text;
} Core;

typedef struct {
    Core core[MOST_CORE];
    int core_count;
    Field *fields;
    Py_ssize_t field_count, field_room, most_fields;
    PyObject *by_name; /* dict: name of a field to its number */
    Py_ssize_t *expected; /* field by its place in the record before: keys tend to have one order */
    Py_ssize_t expected_room;
    Cell *cells;
    Py_ssize_t cell_count, cell_room;
    Buffer scratch; /* JSON texts of the record at hand */
    Buffer places;
    int64_t record, rows;
    const char *reserved[8];
    Py_ssize_t reserved_length[8];
    int reserved_count;
    const char *coordinate[4];
    Py_ssize_t coordinate_length[4];
    double limit[4];
    unsigned coordinates_seen;
    char pool[POOL_BYTES]; /* for the document of the record at hand, if it is as small as most */
} Shredder;

enum { TAKEN = 0, DECLINED = 1, FAILED = -1 };

#endif
