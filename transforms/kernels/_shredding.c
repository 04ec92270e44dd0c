/* Plain records shredded into columns: the fast half of transforms/kernels/shredding.py, which says what it promises.

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

#include <math.h>
#include <stdint.h>
#include <string.h>

/* What a core key of a record has to be; the numbers are those of shredding.py. */
enum kind { TEXT, STRING, STRING_OR_NULL, NUMBER_OR_NULL, NOTHING, METADATA, BOX, LITERAL };

/* How a metadata value is held; the numbers are places in its _FORM_NAMES. */
enum form { FORM_NULL, FORM_BOOL, FORM_INT, FORM_FLOAT, FORM_STRING, FORM_JSON, FORMS };

enum { MOST_CORE = 16, DEEPEST = 100, LONGEST_TOKEN = 40, BIG_DIGITS = 18 };

static const double EXACT_IN_DOUBLE = 9007199254740992.0; /* 2**53 */

/* Grows as a bytes object, so that what is in it is handed to Python without a copy. */
typedef struct {
    PyObject *bytes;
    char *data; /* in it */
    Py_ssize_t size, room;
} Buffer;

static int reserve(Buffer *buffer, Py_ssize_t more)
{
    if (buffer->size + more <= buffer->room)
        return 0;
    Py_ssize_t room = buffer->room ? buffer->room * 2 : 64;
    while (room < buffer->size + more)
        room *= 2;
    if (buffer->bytes == NULL)
        buffer->bytes = PyBytes_FromStringAndSize(NULL, room);
    else
        _PyBytes_Resize(&buffer->bytes, room); /* leaves NULL where there is no memory */
    if (buffer->bytes == NULL) {
        buffer->data = NULL;
        buffer->size = buffer->room = 0;
        return -1;
    }
    buffer->data = PyBytes_AS_STRING(buffer->bytes);
    buffer->room = room;
    return 0;
}

/* What is in the buffer, which is empty then. */
static PyObject *bytes_of(Buffer *buffer)
{
    PyObject *bytes = buffer->bytes;
    if (bytes == NULL)
        return PyBytes_FromStringAndSize(NULL, 0);
    _PyBytes_Resize(&bytes, buffer->size);
    *buffer = (Buffer){0};
    return bytes;
}

static int add(Buffer *buffer, const void *data, Py_ssize_t size)
{
    if (reserve(buffer, size) < 0)
        return -1;
    memcpy(buffer->data + buffer->size, data, (size_t)size);
    buffer->size += size;
    return 0;
}

static int add_int64(Buffer *buffer, int64_t value)
{
    if (buffer->room - buffer->size < (Py_ssize_t)sizeof value && reserve(buffer, sizeof value) < 0)
        return -1;
    memcpy(buffer->data + buffer->size, &value, sizeof value);
    buffer->size += (Py_ssize_t)sizeof value;
    return 0;
}

static int add_double(Buffer *buffer, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return add_int64(buffer, bits);
}

/* Values of one column: int64, double, one byte, or (texts) 0 and the int64 ends of what is in `data`.

   `rows` says of which row each value is; it stays empty as long as value number i is that of row i. */
typedef struct {
    Buffer rows, values, data;
    int64_t count;
} Column;

static int list_rows(Column *column)
{
    for (int64_t row = 0; row < column->count; row++)
        if (add_int64(&column->rows, row) < 0)
            return -1;
    return 0;
}

static int add_row(Column *column, int64_t row)
{
    if (!column->rows.size) {
        if (column->count == row) {
            column->count++;
            return 0;
        }
        if (list_rows(column) < 0)
            return -1;
    }
    column->count++;
    return add_int64(&column->rows, row);
}

static void clear_column(Column *column)
{
    Py_XDECREF(column->rows.bytes);
    Py_XDECREF(column->values.bytes);
    Py_XDECREF(column->data.bytes);
}

enum role { ORDINARY, RESERVED, NORTH_LONG, EAST_LONG, NORTH_SHORT, EAST_SHORT };

/* A metadata key. */
typedef struct {
    char *name;
    Py_ssize_t length;
    int is_plain; /* stands in a text as it is, without an escape */
    enum role role;
    int64_t last_record; /* that had this key, to see keys that come twice */
    Column columns[FORMS];
} Field;

typedef struct {
    const char *text; /* NULL: in the scratch, at `start` */
    Py_ssize_t start, length;
} Text;

typedef struct {
    int field;
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
    int field_count, field_room;
    int *table; /* field + 1 by hash */
    int table_size;
    int *expected; /* field by its place in the record before: keys tend to come in one order */
    int expected_room;
    Cell *cells;
    int cell_count, cell_room;
    Buffer scratch; /* strings of the record at hand that had escapes */
    Buffer places;
    const char *end; /* of the record at hand */
    int64_t record, rows;
    const char *reserved[8];
    Py_ssize_t reserved_length[8];
    int reserved_count;
    const char *coordinate[4];
    Py_ssize_t coordinate_length[4];
    double limit[4];
    unsigned coordinates_seen;
} Shredder;

enum { TAKEN = 0, DECLINED = 1, FAILED = -1 };

/* ---- the text of JSON ---- */

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

/* Behind one character of several bytes, NULL where it is no UTF-8 (Unicode 15, table 3-7). */
static const char *skip_multibyte(const char *at)
{
    const unsigned char *s = (const unsigned char *)at;
    unsigned lead = s[0], low = 0x80, high = 0xBF;
    int more;
    if (lead >= 0xC2 && lead <= 0xDF)
        more = 1;
    else if (lead >= 0xE0 && lead <= 0xEF) {
        more = 2;
        if (lead == 0xE0)
            low = 0xA0;
        else if (lead == 0xED)
            high = 0x9F;
    }
    else if (lead >= 0xF0 && lead <= 0xF4) {
        more = 3;
        if (lead == 0xF0)
            low = 0x90;
        else if (lead == 0xF4)
            high = 0x8F;
    }
    else
        return NULL;
    if (s[1] < low || s[1] > high)
        return NULL;
    for (int i = 2; i <= more; i++)
        if (s[i] < 0x80 || s[i] > 0xBF)
            return NULL;
    return at + more + 1;
}

static int hex4(const char *at, unsigned *code)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return 0;
        value = value * 16 + digit;
    }
    *code = value;
    return 1;
}

static int add_code_point(Buffer *out, unsigned code)
{
    unsigned char bytes[4];
    int count;
    if (code < 0x80) {
        bytes[0] = (unsigned char)code;
        count = 1;
    }
    else if (code < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | code >> 6);
        bytes[1] = (unsigned char)(0x80 | (code & 0x3F));
        count = 2;
    }
    else if (code < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | code >> 12);
        bytes[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (code & 0x3F));
        count = 3;
    }
    else {
        bytes[0] = (unsigned char)(0xF0 | code >> 18);
        bytes[1] = (unsigned char)(0x80 | (code >> 12 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        bytes[3] = (unsigned char)(0x80 | (code & 0x3F));
        count = 4;
    }
    return add(out, bytes, count);
}

/* One escape, `at` behind its backslash; NULL where it is none, or half of a surrogate pair. */
static const char *unescape(const char *at, Buffer *out)
{
    char c = *at++;
    switch (c) {
    case '"':
    case '\\':
    case '/':
        break;
    case 'b':
        c = '\b';
        break;
    case 'f':
        c = '\f';
        break;
    case 'n':
        c = '\n';
        break;
    case 'r':
        c = '\r';
        break;
    case 't':
        c = '\t';
        break;
    case 'u': {
        unsigned code, low;
        if (!hex4(at, &code))
            return NULL;
        at += 4;
        if (code >= 0xDC00 && code <= 0xDFFF)
            return NULL;
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (at[0] != '\\' || at[1] != 'u' || !hex4(at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
                return NULL;
            at += 6;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        return add_code_point(out, code) < 0 ? NULL : at;
    }
    default:
        return NULL;
    }
    return add(out, &c, 1) < 0 ? NULL : at;
}

/* The next byte that needs a look: a quote, a backslash, a control character, or one beyond ASCII. */
static const char *skip_simple(const Shredder *self, const char *at)
{
    static const uint64_t ONES = 0x0101010101010101ULL, HIGHS = 0x8080808080808080ULL;
    while (self->end - at >= 8) {
        uint64_t word, quote, slash;
        memcpy(&word, at, 8);
        quote = word ^ (ONES * '"');
        slash = word ^ (ONES * '\\');
        /* A high bit wherever a byte is one of these; perhaps also in a byte behind such a one. */
        if (((quote - ONES) | (slash - ONES) | (word - ONES * 0x20) | word) & HIGHS)
            break;
        at += 8;
    }
    while ((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* A string, `at` behind its opening quote; returns what is behind its closing one, NULL where it is declined. */
static const char *parse_string(Shredder *self, const char *at, Text *text)
{
    const char *start = at;
    for (;;) {
        at = skip_simple(self, at);
        if (*at == '"') {
            *text = (Text){start, 0, at - start};
            return at + 1;
        }
        if (*at == '\\')
            break;
        if ((unsigned char)*at < 0x20 || (at = skip_multibyte(at)) == NULL)
            return NULL;
    }
    Buffer *out = &self->scratch;
    *text = (Text){NULL, out->size, 0};
    if (add(out, start, at - start) < 0)
        return NULL;
    for (;;) {
        unsigned char c = (unsigned char)*at;
        if (c == '"') {
            text->length = out->size - text->start;
            return at + 1;
        }
        if (c == '\\')
            at = unescape(at + 1, out);
        else if (c < 0x20)
            return NULL;
        else {
            const char *next = c < 0x80 ? at + 1 : skip_multibyte(at);
            if (next == NULL || add(out, at, next - at) < 0)
                return NULL;
            at = next;
        }
        if (at == NULL)
            return NULL;
    }
}

static const char *text_of(const Shredder *self, const Text *text)
{
    return text->text != NULL ? text->text : self->scratch.data + text->start;
}

typedef struct {
    const char *start;
    int length;
    int is_integer, has_exponent, is_negative;
    int digits; /* without leading zeros */
    int fraction; /* digits behind the point */
    uint64_t mantissa; /* of up to 19 digits */
} Number;

/* The token of a number; NULL where it is none, or one of more digits than are dealt with here. */
static const char *scan_number(const char *at, Number *number)
{
    *number = (Number){.start = at, .is_integer = 1};
    if (*at == '-') {
        number->is_negative = 1;
        at++;
    }
    if (*at < '0' || *at > '9')
        return NULL;
    if (*at == '0' && at[1] >= '0' && at[1] <= '9')
        return NULL;
    uint64_t mantissa = 0;
    int digits = 0, fraction = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        digits += digits > 0 || *at != '0';
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        if (digits > 19)
            return NULL;
    }
    if (*at == '.') {
        number->is_integer = 0;
        at++;
        if (*at < '0' || *at > '9')
            return NULL;
        for (; *at >= '0' && *at <= '9'; at++, fraction++) {
            digits += digits > 0 || *at != '0';
            mantissa = mantissa * 10 + (uint64_t)(*at - '0');
            if (digits > 19)
                return NULL;
        }
    }
    if (*at == 'e' || *at == 'E') {
        number->is_integer = 0;
        number->has_exponent = 1;
        at++;
        if (*at == '+' || *at == '-')
            at++;
        int exponent_digits = 0;
        for (; *at >= '0' && *at <= '9'; at++)
            exponent_digits++;
        if (exponent_digits < 1 || exponent_digits > 2)
            return NULL;
    }
    if (at - number->start > LONGEST_TOKEN)
        return NULL;
    number->length = (int)(at - number->start);
    number->digits = digits;
    number->fraction = fraction;
    number->mantissa = mantissa;
    return at;
}

static int bits_of(uint64_t value)
{
    int bits = 0;
    for (int step = 32; step > 0; step /= 2)
        if (value >> step) {
            value >>= step;
            bits += step;
        }
    return bits + (value != 0);
}

/* The double nearest to the token, ties to even; 0 where it cannot be had. */
static int to_double(const Number *number, double *value)
{
    static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!number->has_exponent) {
        if (number->mantissa <= 1ULL << 53 && number->fraction <= 22) {
            /* Both are exact as doubles, so that their quotient is rounded once. */
            double found = (double)number->mantissa / TENS[number->fraction];
            *value = number->is_negative ? -found : found;
            return 1;
        }
#ifdef __SIZEOF_INT128__
        if (number->fraction <= 19) {
            uint64_t divisor = 1;
            for (int i = 0; i < number->fraction; i++)
                divisor *= 10;
            /* mantissa / divisor with all bits that a double has, and one for whether anything is left. */
            int shift = 128 - bits_of(number->mantissa);
            unsigned __int128 scaled = (unsigned __int128)number->mantissa << shift;
            unsigned __int128 quotient = scaled / divisor;
            int sticky = quotient * divisor != scaled;
            uint64_t top = (uint64_t)(quotient >> 64);
            int drop = (top ? 64 + bits_of(top) : bits_of((uint64_t)quotient)) - 53;
            uint64_t kept = (uint64_t)(quotient >> drop);
            unsigned __int128 rest = quotient - ((unsigned __int128)kept << drop);
            unsigned __int128 half = (unsigned __int128)1 << (drop - 1);
            if (rest > half || (rest == half && (sticky || (kept & 1))))
                kept++;
            double found = ldexp((double)kept, drop - shift);
            *value = number->is_negative ? -found : found;
            return 1;
        }
#endif
    }
    char token[LONGEST_TOKEN + 1];
    memcpy(token, number->start, (size_t)number->length);
    token[number->length] = 0;
    *value = PyOS_string_to_double(token, NULL, NULL);
    if (*value == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return isfinite(*value) != 0;
}

static int to_integer(const Number *number, int64_t *value)
{
    if (number->digits > BIG_DIGITS || (number->is_negative && number->mantissa == 0))
        return 0; /* perhaps beyond int64; "-0" has a sign that an integer does not keep */
    *value = number->is_negative ? -(int64_t)number->mantissa : (int64_t)number->mantissa;
    return 1;
}

/* A key and its colon; returns where the value begins, NULL where it is declined. */
static const char *parse_key(Shredder *self, const char *at, Text *key)
{
    if (*at != '"' || (at = parse_string(self, at + 1, key)) == NULL)
        return NULL;
    at = skip_space(at);
    return *at == ':' ? skip_space(at + 1) : NULL;
}

/* What follows a member: behind the brace that ends the object, or where the next key begins; else NULL. */
static const char *skip_separator(const char *at, int *is_last)
{
    at = skip_space(at);
    *is_last = *at == '}';
    if (*is_last)
        return at + 1;
    return *at == ',' ? skip_space(at + 1) : NULL;
}

/* Behind any JSON value; NULL where it is declined. Strings are checked, and forgotten. */
static const char *skip_value(Shredder *self, const char *at, int depth)
{
    Text text;
    if (depth > DEEPEST)
        return NULL;
    switch (*at) {
    case '"': {
        Py_ssize_t size = self->scratch.size;
        at = parse_string(self, at + 1, &text);
        self->scratch.size = size;
        return at;
    }
    case '{':
    case '[': {
        char close = *at == '{' ? '}' : ']';
        int is_object = *at == '{';
        at = skip_space(at + 1);
        if (*at == close)
            return at + 1;
        for (;;) {
            if (is_object) {
                if (*at != '"' || (at = skip_value(self, at, depth + 1)) == NULL)
                    return NULL;
                at = skip_space(at);
                if (*at != ':')
                    return NULL;
                at = skip_space(at + 1);
            }
            if ((at = skip_value(self, at, depth + 1)) == NULL)
                return NULL;
            at = skip_space(at);
            if (*at == close)
                return at + 1;
            if (*at != ',')
                return NULL;
            at = skip_space(at + 1);
        }
    }
    case 't':
        return strncmp(at, "true", 4) == 0 ? at + 4 : NULL;
    case 'f':
        return strncmp(at, "false", 5) == 0 ? at + 5 : NULL;
    case 'n':
        return strncmp(at, "null", 4) == 0 ? at + 4 : NULL;
    default: {
        Number number;
        double value;
        at = scan_number(at, &number);
        if (at == NULL || number.digits > BIG_DIGITS || (number.has_exponent && !to_double(&number, &value)))
            return NULL;
        return at;
    }
    }
}

/* ---- metadata ---- */

static uint64_t hash_of(const char *name, Py_ssize_t length)
{
    uint64_t hash = 14695981039346656037ULL; /* FNV-1a */
    for (Py_ssize_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)name[i]) * 1099511628211ULL;
    return hash ^ hash >> 32;
}

static enum role role_of(const Shredder *self, const char *name, Py_ssize_t length)
{
    for (int i = 0; i < self->reserved_count; i++)
        if (self->reserved_length[i] == length && memcmp(self->reserved[i], name, (size_t)length) == 0)
            return RESERVED;
    for (int i = 0; i < 4; i++)
        if (self->coordinate_length[i] == length && memcmp(self->coordinate[i], name, (size_t)length) == 0)
            return (enum role)(NORTH_LONG + i);
    return ORDINARY;
}

static int grow_table(Shredder *self)
{
    int size = self->table_size ? self->table_size * 2 : 64;
    int *table = PyMem_RawCalloc((size_t)size, sizeof *table);
    if (table == NULL)
        return -1;
    for (int i = 0; i < self->field_count; i++) {
        uint64_t slot = hash_of(self->fields[i].name, self->fields[i].length);
        while (table[slot & (uint64_t)(size - 1)])
            slot++;
        table[slot & (uint64_t)(size - 1)] = i + 1;
    }
    PyMem_RawFree(self->table);
    self->table = table;
    self->table_size = size;
    return 0;
}

static int is_field(const Field *field, const char *name, Py_ssize_t length)
{
    return field->length == length && memcmp(field->name, name, (size_t)length) == 0;
}

/* The number of a field, made if it is new; -1 where there is no memory. */
static int field_at(Shredder *self, const char *name, Py_ssize_t length)
{
    if (self->field_count * 2 >= self->table_size && grow_table(self) < 0)
        return -1;
    uint64_t slot = hash_of(name, length), mask = (uint64_t)(self->table_size - 1);
    for (; self->table[slot & mask]; slot++) {
        int found = self->table[slot & mask] - 1;
        if (is_field(&self->fields[found], name, length))
            return found;
    }
    if (self->field_count == self->field_room) {
        int room = self->field_room ? self->field_room * 2 : 32;
        Field *fields = PyMem_RawRealloc(self->fields, (size_t)room * sizeof *fields);
        if (fields == NULL)
            return -1;
        self->fields = fields;
        self->field_room = room;
    }
    char *copy = PyMem_RawMalloc((size_t)length + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, name, (size_t)length);
    Field *field = &self->fields[self->field_count];
    memset(field, 0, sizeof *field);
    field->name = copy;
    field->length = length;
    field->is_plain = 1;
    for (Py_ssize_t i = 0; i < length; i++)
        if (name[i] == '"' || name[i] == '\\' || (unsigned char)name[i] < 0x20)
            field->is_plain = 0;
    field->role = role_of(self, name, length);
    field->last_record = -1;
    self->table[slot & mask] = ++self->field_count;
    return self->field_count - 1;
}

static int expect(Shredder *self, int place, int field)
{
    if (place >= self->expected_room) {
        int room = self->expected_room ? self->expected_room * 2 : 32;
        int *expected = PyMem_RawRealloc(self->expected, (size_t)room * sizeof *expected);
        if (expected == NULL)
            return -1;
        for (int i = self->expected_room; i < room; i++)
            expected[i] = -1;
        self->expected = expected;
        self->expected_room = room;
    }
    self->expected[place] = field;
    return 0;
}

static Cell *new_cell(Shredder *self)
{
    if (self->cell_count == self->cell_room) {
        int room = self->cell_room ? self->cell_room * 2 : 64;
        Cell *cells = PyMem_RawRealloc(self->cells, (size_t)room * sizeof *cells);
        if (cells == NULL)
            return NULL;
        self->cells = cells;
        self->cell_room = room;
    }
    return &self->cells[self->cell_count++];
}

/* A metadata value; sets `at` behind it. */
static int parse_cell(Shredder *self, const char **at, int field)
{
    Cell *cell = new_cell(self);
    if (cell == NULL)
        return FAILED;
    cell->field = field;
    const char *from = *at, *to = NULL;
    double degrees = NAN;
    switch (*from) {
    case '"':
        cell->form = FORM_STRING;
        to = parse_string(self, from + 1, &cell->as.text);
        break;
    case '{':
    case '[':
        cell->form = FORM_JSON;
        to = skip_value(self, from, 0);
        if (to != NULL)
            cell->as.text = (Text){from, 0, to - from};
        break;
    case 't':
    case 'f':
        cell->form = FORM_BOOL;
        cell->as.integer = *from == 't';
        to = skip_value(self, from, 0);
        break;
    case 'n':
        cell->form = FORM_NULL;
        cell->as.integer = 1;
        to = skip_value(self, from, 0);
        break;
    default: {
        Number number;
        to = scan_number(from, &number);
        if (to == NULL)
            return DECLINED;
        if (number.is_integer) {
            cell->form = FORM_INT;
            if (!to_integer(&number, &cell->as.integer))
                return DECLINED;
            degrees = (double)cell->as.integer;
        }
        else {
            cell->form = FORM_FLOAT;
            if (!to_double(&number, &cell->as.real))
                return DECLINED;
            degrees = cell->as.real;
        }
    }
    }
    if (to == NULL)
        return DECLINED;
    enum role role = self->fields[field].role;
    if (role == RESERVED)
        return DECLINED;
    if (role != ORDINARY) {
        int which = role - NORTH_LONG;
        if (!(fabs(degrees) <= self->limit[which]))
            return DECLINED;
        self->coordinates_seen |= 1u << which;
    }
    *at = to;
    return TAKEN;
}

/* Where the value of a key begins that is expected here; NULL where another key stands, or this one in other words. */
static const char *skip_expected(const Shredder *self, const char *at, int number)
{
    const Field *field = &self->fields[number];
    if (!field->is_plain || *at != '"' || self->end - at < field->length + 2 ||
        memcmp(at + 1, field->name, (size_t)field->length) != 0 || at[field->length + 1] != '"')
        return NULL;
    at = skip_space(at + field->length + 2);
    return *at == ':' ? skip_space(at + 1) : NULL;
}

/* The members of the metadata object, `at` behind its brace. */
static int parse_metadata(Shredder *self, const char **at)
{
    const char *here = skip_space(*at);
    self->coordinates_seen = 0;
    if (*here == '}') {
        *at = here + 1;
        return TAKEN;
    }
    int is_last = 0;
    for (int place = 0; !is_last; place++) {
        int field = place < self->expected_room ? self->expected[place] : -1;
        const char *value = field < 0 ? NULL : skip_expected(self, here, field);
        if (value != NULL)
            here = value;
        else {
            Text key;
            if ((here = parse_key(self, here, &key)) == NULL)
                return DECLINED;
            field = field_at(self, text_of(self, &key), key.length);
            if (field < 0 || expect(self, place, field) < 0)
                return FAILED;
        }
        if (self->fields[field].last_record == self->record)
            return DECLINED; /* the key comes twice */
        self->fields[field].last_record = self->record;
        int result = parse_cell(self, &here, field);
        if (result != TAKEN)
            return result;
        if ((here = skip_separator(here, &is_last)) == NULL)
            return DECLINED;
    }
    *at = here;
    /* None, or one whole pair and nothing of the other. */
    unsigned seen = self->coordinates_seen;
    return seen == 0 || seen == 0x3 || seen == 0xC ? TAKEN : DECLINED;
}

/* ---- the record itself ---- */

/* Whether the canonical writer would write the number as it stands here. */
static int is_canonical(const Number *number)
{
    if (number->has_exponent || (number->is_negative && number->mantissa == 0))
        return 0;
    if (number->is_integer)
        return number->digits <= 15;
    double value;
    if (!to_double(number, &value) || fabs(value) >= 1e15 || (value != 0 && fabs(value) < 1e-3))
        return 0;
    /* Of at most 15 digits no two decimals are the same double, so the shortest text of this one is this. */
    if (number->digits <= 15)
        return number->start[number->length - 1] != '0' || number->fraction == 1;
    char *shortest = PyOS_double_to_string(value, 'r', 0, 0, NULL);
    if (shortest == NULL) {
        PyErr_Clear();
        return 0;
    }
    int same = strlen(shortest) == (size_t)number->length && memcmp(shortest, number->start, (size_t)number->length) == 0;
    PyMem_Free(shortest);
    return same;
}

/* A box, `at` behind its brace: four numbers, as canonical JSON. */
static int parse_box(Shredder *self, const char **at, Text *text)
{
    static const char *NAMES[] = {"height", "width", "x", "y"}; /* in their canonical order */
    Number found[4];
    unsigned seen = 0;
    const char *here = skip_space(*at);
    for (int is_last = 0; !is_last;) {
        Text key;
        int which = 0;
        if ((here = parse_key(self, here, &key)) == NULL)
            return DECLINED;
        const char *name = text_of(self, &key);
        while (which < 4 && !((size_t)key.length == strlen(NAMES[which]) && memcmp(name, NAMES[which], (size_t)key.length) == 0))
            which++;
        if (which == 4 || seen & 1u << which)
            return DECLINED;
        seen |= 1u << which;
        here = scan_number(here, &found[which]);
        if (here == NULL || !is_canonical(&found[which]) || (here = skip_separator(here, &is_last)) == NULL)
            return DECLINED;
    }
    if (seen != 0xF)
        return DECLINED;
    *at = here;
    Buffer *out = &self->scratch;
    *text = (Text){NULL, out->size, 0};
    for (int i = 0; i < 4; i++) {
        if (add(out, i ? ",\"" : "{\"", 2) < 0 || add(out, NAMES[i], (Py_ssize_t)strlen(NAMES[i])) < 0 ||
            add(out, "\":", 2) < 0 || add(out, found[i].start, found[i].length) < 0)
            return FAILED;
    }
    if (add(out, "}", 1) < 0)
        return FAILED;
    text->length = out->size - text->start;
    return TAKEN;
}

static int parse_core(Shredder *self, const char **at, Core *core)
{
    const char *here = *at;
    int is_null = *here == 'n' && strncmp(here, "null", 4) == 0, result = TAKEN;
    core->is_null = is_null;
    if (is_null) {
        if (core->kind == TEXT || core->kind == STRING || core->kind == BOX || core->kind == LITERAL)
            return DECLINED;
        *at = here + 4;
        return TAKEN;
    }
    switch (core->kind) {
    case NOTHING:
        return DECLINED;
    case METADATA:
    case BOX:
        if (*here != '{')
            return DECLINED;
        here++;
        result = core->kind == BOX ? parse_box(self, &here, &core->text) : parse_metadata(self, &here);
        break;
    case NUMBER_OR_NULL: {
        Number number;
        here = scan_number(here, &number);
        if (here == NULL || !to_double(&number, &core->number))
            return DECLINED;
        if (number.is_integer && (fabs(core->number) >= EXACT_IN_DOUBLE || (number.is_negative && number.mantissa == 0)))
            return DECLINED; /* an integer that is not exact as a double, or a zero whose sign an integer does not keep */
        break;
    }
    default:
        if (*here != '"' || (here = parse_string(self, here + 1, &core->text)) == NULL)
            return DECLINED;
        if (core->kind == TEXT && core->text.length == 0)
            return DECLINED;
        if (core->kind == LITERAL &&
            !(core->text.length == core->literal_length &&
              memcmp(text_of(self, &core->text), core->literal, (size_t)core->literal_length) == 0))
            return DECLINED;
    }
    *at = here;
    return result;
}

static int parse_record(Shredder *self, const char *at, const char *end)
{
    self->end = end;
    self->cell_count = 0;
    self->scratch.size = 0;
    for (int i = 0; i < self->core_count; i++)
        self->core[i].is_seen = 0;
    at = skip_space(at);
    if (*at != '{')
        return DECLINED;
    at = skip_space(at + 1);
    for (int is_last = 0; !is_last;) {
        Text key;
        if ((at = parse_key(self, at, &key)) == NULL)
            return DECLINED;
        const char *name = text_of(self, &key);
        int which = 0;
        while (which < self->core_count && !(self->core[which].length == key.length &&
                                             memcmp(self->core[which].name, name, (size_t)key.length) == 0))
            which++;
        if (which == self->core_count || self->core[which].is_seen)
            return DECLINED;
        self->core[which].is_seen = 1;
        int result = parse_core(self, &at, &self->core[which]);
        if (result != TAKEN)
            return result;
        if ((at = skip_separator(at, &is_last)) == NULL)
            return DECLINED;
    }
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    if (at != end)
        return DECLINED;
    for (int i = 0; i < self->core_count; i++) {
        enum kind kind = self->core[i].kind;
        if (!self->core[i].is_seen && (kind == TEXT || kind == STRING || kind == BOX || kind == LITERAL))
            return DECLINED;
    }
    return TAKEN;
}

static int add_text(const Shredder *self, Column *column, const Text *text)
{
    if (!column->values.size && add_int64(&column->values, 0) < 0)
        return -1;
    if (add(&column->data, text_of(self, text), text->length) < 0)
        return -1;
    return add_int64(&column->values, column->data.size);
}

static int commit(Shredder *self, int64_t place)
{
    if (add_int64(&self->places, place) < 0)
        return -1;
    for (int i = 0; i < self->core_count; i++) {
        Core *core = &self->core[i];
        int is_there = core->is_seen && !core->is_null;
        switch (core->kind) {
        case NOTHING:
        case METADATA:
        case LITERAL:
            break;
        case NUMBER_OR_NULL:
            if (is_there && (add_row(&core->column, self->rows) < 0 ||
                             add_double(&core->column.values, core->number) < 0))
                return -1;
            break;
        default:
            if (is_there && (add_row(&core->column, self->rows) < 0 || add_text(self, &core->column, &core->text) < 0))
                return -1;
        }
    }
    for (int i = 0; i < self->cell_count; i++) {
        const Cell *cell = &self->cells[i];
        Column *column = &self->fields[cell->field].columns[cell->form];
        if (add_row(column, self->rows) < 0)
            return -1;
        int result = 0;
        switch (cell->form) {
        case FORM_NULL:
        case FORM_BOOL: {
            char value = (char)cell->as.integer;
            result = add(&column->values, &value, 1);
            break;
        }
        case FORM_INT:
            result = add_int64(&column->values, cell->as.integer);
            break;
        case FORM_FLOAT:
            result = add_double(&column->values, cell->as.real);
            break;
        default:
            result = add_text(self, column, &cell->as.text);
        }
        if (result < 0)
            return -1;
    }
    self->rows++;
    return 0;
}

/* ---- Python ---- */

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
    for (int i = 0; found != NULL && i < self->field_count; i++) {
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
    for (int i = 0; i < self->field_count; i++) {
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
             "shred(data, starts, ends, core, reserved, coordinates, skip) -> (places, core columns, metadata columns)\n\n"
             "`data` is a bytes object, and the byte behind a record as transforms/raw_records.py has it.\n"
             "See transforms/kernels/shredding.py, which calls it.");

static PyObject *shred(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *block, *core, *reserved, *coordinates, *found = NULL;
    const char *starts, *ends, *skip;
    Py_ssize_t starts_length, ends_length, skip_length;
    /* Only a bytes object has its NUL behind it. */
    if (!PyArg_ParseTuple(arguments, "O!y#y#O!O!O!y#", &PyBytes_Type, &block, &starts, &starts_length, &ends, &ends_length,
                          &PyTuple_Type, &core, &PyTuple_Type, &reserved, &PyTuple_Type, &coordinates, &skip, &skip_length))
        return NULL;
    Shredder self;
    memset(&self, 0, sizeof self);
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
        if (result == FAILED || (result == TAKEN && commit(&self, i) < 0)) {
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
