/* Rows of columns as the binary encoding of Avro 1.11, where such rows begin, and where blocks of them end: the fast half
   of transforms/formats/avro_rows.py and avro_blocks.py, what avro_parts.py needs, and all of avro_splices.py that looks
   into blocks.

   Every field is a union of null and its type, in this order, as polars writes it: byte 0 for null, byte 2 and the value
   otherwise. Columns are sparse: the rows that have a value, ascending, and the values of just these. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#define MAY_FOLD
#endif

/* ---- CRC-32, as Avro has it behind a block ---- */

static uint32_t crc_tables[8][256];

static void make_crc_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        crc_tables[0][byte] = crc;
    }
    for (int table = 1; table < 8; table++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = crc_tables[table - 1][byte];
            crc_tables[table][byte] = before >> 8 ^ crc_tables[0][before & 0xFF];
        }
}

static uint32_t add_by_tables(uint32_t crc, const unsigned char *at, Py_ssize_t length)
{
    for (; length >= 8; at += 8, length -= 8) {
        uint32_t low = crc ^ (at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = crc_tables[7][low & 0xFF] ^ crc_tables[6][low >> 8 & 0xFF] ^ crc_tables[5][low >> 16 & 0xFF] ^
              crc_tables[4][low >> 24] ^ crc_tables[3][at[4]] ^ crc_tables[2][at[5]] ^ crc_tables[1][at[6]] ^
              crc_tables[0][at[7]];
    }
    for (; length > 0; at++, length--)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *at) & 0xFF];
    return crc;
}

#ifdef MAY_FOLD
/* Folds 64 bytes at a time by carry-less multiplication, as in Gopal et al., "Fast CRC Computation for Generic Polynomials
   Using PCLMULQDQ Instruction" (Intel, 2009); the constants are its powers of x for the reflected polynomial of CRC-32.
   What 16 bytes have come to is left to the tables. At least 64 bytes are taken, a multiple of 16. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t add_by_folding(uint32_t crc, const unsigned char *at,
                                                                       Py_ssize_t length)
{
    const __m128i by_64 = _mm_set_epi64x(0x01C6E41596, 0x0154442BD4), by_16 = _mm_set_epi64x(0x00CCAA009E, 0x01751997D0);
    __m128i folded[4];
    for (int lane = 0; lane < 4; lane++)
        folded[lane] = _mm_loadu_si128((const __m128i *)at + lane);
    folded[0] = _mm_xor_si128(folded[0], _mm_cvtsi32_si128((int)crc));
    for (at += 64, length -= 64; length >= 64; at += 64, length -= 64)
        for (int lane = 0; lane < 4; lane++) {
            const __m128i low = _mm_clmulepi64_si128(folded[lane], by_64, 0x00);
            const __m128i high = _mm_clmulepi64_si128(folded[lane], by_64, 0x11);
            folded[lane] = _mm_xor_si128(_mm_xor_si128(low, high), _mm_loadu_si128((const __m128i *)at + lane));
        }
    __m128i all = folded[0];
    for (int lane = 1; lane < 4 + length / 16; lane++) {
        const __m128i low = _mm_clmulepi64_si128(all, by_16, 0x00), high = _mm_clmulepi64_si128(all, by_16, 0x11);
        const __m128i next = lane < 4 ? folded[lane] : _mm_loadu_si128((const __m128i *)at + lane - 4);
        all = _mm_xor_si128(_mm_xor_si128(low, high), next);
    }
    unsigned char rest[16];
    _mm_storeu_si128((__m128i *)rest, all);
    return add_by_tables(0, rest, sizeof rest);
}
#endif

static int can_fold;

static void prepare_crc32(void)
{
    make_crc_tables();
#ifdef MAY_FOLD
    unsigned a, b, c, d;
    can_fold = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_PCLMUL) && (c & bit_SSE4_1);
#endif
}

static uint32_t crc32_of(const unsigned char *at, Py_ssize_t length)
{
    uint32_t crc = 0xFFFFFFFFu;
#ifdef MAY_FOLD
    if (can_fold && length >= 64) {
        const Py_ssize_t whole = length & ~(Py_ssize_t)15;
        crc = add_by_folding(crc, at, whole);
        at += whole;
        length -= whole;
    }
#endif
    return ~add_by_tables(crc, at, length);
}

/* ---- Where blocks end: the numbers and the rule are those of avro_blocks ---- */

#define SPREAD 0x9E3779B1u
#define SHIFT 28 /* one in 16 */
#define MOST_ROWS 1024
#define MOST_BYTES (1 << 20)

/* Whether a block ends behind a row: given its rows and bytes with this one, how many rows it has at least, and the fields
   that name the row. */
static inline int ends_block(Py_ssize_t rows, Py_ssize_t bytes, Py_ssize_t least, const unsigned char *name, Py_ssize_t length)
{
    return rows >= MOST_ROWS || bytes >= MOST_BYTES || (rows >= least && crc32_of(name, length) * SPREAD >> SHIFT == 0);
}

/* ---- Rows from columns ---- */

/* The numbers are those of avro_rows. */
enum kind { LONG, DOUBLE, BOOLEAN, STRING, RECORD };

/* A column; behind a record stand the columns of its fields. As small as it can be: wide rows look at thousands. */
typedef struct {
    int64_t next;        /* row of the value at `at`, or a row that never comes */
    const int64_t *rows; /* NULL where every row has a value */
    const void *values;
    const char *data;    /* of texts, into which `values` are offsets */
    Py_ssize_t at;       /* of the values, the first that is not behind the row at hand */
    Py_ssize_t count;
    Py_ssize_t behind;   /* the column behind this one, and behind its fields if it is a record */
    enum kind kind;
} Column;

typedef struct {
    Py_buffer rows, values, data;
} Buffers;

typedef struct {
    unsigned char *data;
    Py_ssize_t size, room;
} Output;

static int reserve(Output *out, Py_ssize_t more)
{
    if (out->size + more <= out->room)
        return 0;
    Py_ssize_t room = out->room * 2;
    while (room < out->size + more)
        room *= 2;
    unsigned char *data = PyMem_RawRealloc(out->data, (size_t)room);
    if (data == NULL)
        return -1;
    out->data = data;
    out->room = room;
    return 0;
}

/* Zigzag, then seven bits a byte; the room for it is there. Returns where it ends. */
static inline unsigned char *put_long(unsigned char *at, int64_t value)
{
    uint64_t left = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    while (left > 0x7F) {
        *at++ = (unsigned char)(left | 0x80);
        left >>= 7;
    }
    *at++ = (unsigned char)left;
    return at;
}

/* Finds the value of a row, or of the first row behind it that has one. */
static void advance(Column *column, int64_t row)
{
    while (column->at < column->count && column->rows[column->at] < row)
        column->at++;
    column->next = column->at < column->count ? column->rows[column->at] : INT64_MAX;
}

/* Bytes that a column takes at most, apart from those of a text. */
#define MOST 11

/* A value that a row has: its column, and its place among the values there. */
typedef struct {
    uint32_t column, place;
} Cell;

/* Of a record with many fields those that each row has: `cells[starts[row]]` up to `cells[starts[row + 1]]`, by column.
   Its fields are all columns from `first` to before `behind`, of which each row has few. */
typedef struct {
    Py_ssize_t first, behind; /* the same where no record has many fields */
    Py_ssize_t *starts;
    Cell *cells;
} Rare;

/* Fields from which on a record has many, and how many times as many it has as a row has of them. */
#define MANY 64
#define TIMES 4

/* Finds what each row has of the fields of a record, if these are rare; 0 without memory for it. */
static int find_rare(Rare *rare, const Column *columns, Py_ssize_t count, Py_ssize_t height)
{
    Py_ssize_t record = 0, values = 0;
    while (record < count && !(columns[record].kind == RECORD && columns[record].behind - record > MANY))
        record++;
    if (record == count)
        return 1;
    const Py_ssize_t first = record + 1, behind = columns[record].behind;
    for (Py_ssize_t i = first; i < behind; i++) {
        const Column *column = &columns[i];
        if (column->kind == RECORD || column->rows == NULL)
            return 1;
        if (column->count && (column->rows[0] < 0 || column->rows[column->count - 1] >= height))
            return 1;
        values += column->count;
    }
    if (values / (behind - first) >= height / TIMES || behind > UINT32_MAX || height > UINT32_MAX)
        return 1;
    rare->starts = PyMem_RawCalloc((size_t)height + 2, sizeof *rare->starts);
    rare->cells = PyMem_RawMalloc((size_t)(values ? values : 1) * sizeof *rare->cells);
    if (rare->starts == NULL || rare->cells == NULL)
        return 0;
    Py_ssize_t *starts = rare->starts + 1; /* those of a row are counted, then filled, a place further on */
    for (Py_ssize_t i = first; i < behind; i++)
        for (Py_ssize_t at = 0; at < columns[i].count; at++)
            starts[columns[i].rows[at] + 1]++;
    for (Py_ssize_t row = 1; row <= height; row++)
        starts[row] += starts[row - 1];
    for (Py_ssize_t i = first; i < behind; i++)
        for (Py_ssize_t at = 0; at < columns[i].count; at++)
            rare->cells[starts[columns[i].rows[at]]++] = (Cell){(uint32_t)i, (uint32_t)at};
    rare->first = first;
    rare->behind = behind;
    return 1;
}

/* Puts a value behind its branch; NULL without memory. What follows needs `room` bytes apart from texts. */
static inline unsigned char *put_value(Output *out, unsigned char *at, const Column *column, Py_ssize_t place,
                                       Py_ssize_t room)
{
    switch (column->kind) {
    case LONG:
        return put_long(at, ((const int64_t *)column->values)[place]);
    case DOUBLE:
        memcpy(at, (const double *)column->values + place, sizeof(double));
        return at + sizeof(double);
    case BOOLEAN:
        *at = ((const unsigned char *)column->values)[place] != 0;
        return at + 1;
    case STRING: {
        const int64_t *offsets = column->values;
        int64_t length = offsets[place + 1] - offsets[place];
        at = put_long(at, length);
        out->size = at - out->data;
        if (reserve(out, (Py_ssize_t)length + room) < 0)
            return NULL;
        at = out->data + out->size;
        memcpy(at, column->data + offsets[place], (size_t)length);
        return at + length;
    }
    case RECORD:
        break; /* its fields follow */
    }
    return at;
}

/* Puts a row; `named` is where the columns end that name it, the first `naming` ones, in the output. */
static int put_row(Output *out, Column *columns, Py_ssize_t count, const Rare *rare, int64_t row, Py_ssize_t naming,
                   Py_ssize_t *named)
{
    if (reserve(out, count * MOST) < 0)
        return -1;
    unsigned char *at = out->data + out->size;
    *named = -1;
    for (Py_ssize_t i = 0; i < count;) {
        if (i >= naming && *named < 0)
            *named = at - out->data;
        if (i == rare->first && i < rare->behind) {
            for (Py_ssize_t k = rare->starts[row]; k < rare->starts[row + 1]; k++) {
                const Cell cell = rare->cells[k];
                const Py_ssize_t missing = cell.column - i;
                memset(at, 0, (size_t)missing);
                at += missing;
                *at++ = 2;
                i += missing + 1;
                at = put_value(out, at, &columns[cell.column], cell.place, (count - i) * MOST);
                if (at == NULL)
                    return -1;
            }
            memset(at, 0, (size_t)(rare->behind - i));
            at += rare->behind - i;
            i = rare->behind;
            continue;
        }
        Column *column = &columns[i];
        Py_ssize_t place = (Py_ssize_t)row;
        if (column->rows != NULL) {
            if (column->next < row)
                advance(column, row);
            if (column->next > row) {
                *at++ = 0;
                i = column->behind;
                continue;
            }
            place = column->at;
        }
        *at++ = 2;
        i++;
        at = put_value(out, at, column, place, (count - i) * MOST);
        if (at == NULL)
            return -1;
    }
    out->size = at - out->data;
    if (*named < 0)
        *named = out->size;
    return 0;
}

/* Appends (rows, bytes of them) to a list. */
static int append_block(PyObject *blocks, Py_ssize_t rows, const unsigned char *data, Py_ssize_t size)
{
    PyObject *block = Py_BuildValue("ny#", rows, (const char *)data, size);
    int failed = block == NULL || PyList_Append(blocks, block) < 0;
    Py_XDECREF(block);
    return failed ? -1 : 0;
}

static void release(Buffers *buffers, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyBuffer_Release(&buffers[i].rows);
        PyBuffer_Release(&buffers[i].values);
        PyBuffer_Release(&buffers[i].data);
    }
    PyMem_RawFree(buffers);
}

/* Sets up a column; 0 where its buffers are too short, or hold rows or offsets that do not ascend. */
static int is_sound(Column *column, const Buffers *buffers, int is_full, Py_ssize_t height)
{
    static const Py_ssize_t WIDTH[] = {8, 8, 1, 8, 0};
    static const int64_t NOWHERE[1] = {INT64_MAX}; /* in place of a buffer without rows, which may be NULL */
    column->rows = is_full ? NULL : buffers->rows.len ? buffers->rows.buf : NOWHERE;
    column->values = buffers->values.buf;
    column->data = buffers->data.buf;
    column->count = is_full ? height : buffers->rows.len / (Py_ssize_t)sizeof(int64_t);
    column->next = !is_full && column->count ? column->rows[0] : INT64_MAX;
    for (Py_ssize_t i = 1; !is_full && i < column->count; i++)
        if (column->rows[i - 1] >= column->rows[i])
            return 0;
    if (column->kind == RECORD)
        return 1;
    if (buffers->values.len < (column->count + (column->kind == STRING)) * WIDTH[column->kind])
        return 0;
    if (column->kind == STRING) {
        const int64_t *offsets = column->values;
        if (offsets[0] < 0 || offsets[column->count] > buffers->data.len)
            return 0;
        for (Py_ssize_t i = 0; i < column->count; i++)
            if (offsets[i] > offsets[i + 1])
                return 0;
    }
    return 1;
}

PyDoc_STRVAR(encode_doc,
             "encode(height, naming, least, columns) -> list of (rows, bytes), one for each block\n\n"
             "naming: how many columns at the front name a row, on which depends where blocks end.\n"
             "least: how many rows a block has at least.\n"
             "columns: tuples (kind, fields, is_full, rows, values, data); `fields` is how many columns behind a record are in it.");

static PyObject *encode(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t height, naming, least;
    PyObject *given, *found = NULL;
    if (!PyArg_ParseTuple(arguments, "nnnO!", &height, &naming, &least, &PyList_Type, &given))
        return NULL;
    Py_ssize_t count = PyList_GET_SIZE(given), read = 0;
    Column *columns = PyMem_RawCalloc((size_t)(count ? count : 1), sizeof *columns);
    Buffers *buffers = PyMem_RawCalloc((size_t)(count ? count : 1), sizeof *buffers);
    Output out = {PyMem_RawMalloc(1 << 16), 0, 1 << 16};
    Rare rare = {0, 0, NULL, NULL};
    if (columns == NULL || buffers == NULL || out.data == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (; read < count; read++) {
        Column *column = &columns[read];
        Buffers *of = &buffers[read];
        int kind, is_full;
        Py_ssize_t fields;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(given, read), "inpy*y*y*", &kind, &fields, &is_full, &of->rows, &of->values,
                              &of->data))
            goto done;
        column->kind = (enum kind)kind;
        column->behind = read + 1 + fields;
        if (kind < LONG || kind > RECORD || fields < 0 || column->behind > count || !is_sound(column, of, is_full, height)) {
            read++;
            PyErr_SetString(PyExc_ValueError, "expected columns whose buffers hold what they say");
            goto done;
        }
    }
    if (!find_rare(&rare, columns, count, height)) {
        PyErr_NoMemory();
        goto done;
    }
    found = PyList_New(0);
    Py_ssize_t rows = 0;
    for (Py_ssize_t row = 0; found != NULL && row < height; row++) {
        const Py_ssize_t start = out.size;
        Py_ssize_t named;
        if (put_row(&out, columns, count, &rare, row, naming, &named) < 0) {
            PyErr_NoMemory();
            Py_CLEAR(found);
            goto done;
        }
        rows++;
        if (row == height - 1 || ends_block(rows, out.size, least, out.data + start, named - start)) {
            if (append_block(found, rows, out.data, out.size) < 0)
                Py_CLEAR(found);
            rows = out.size = 0;
        }
    }
done:
    PyMem_RawFree(out.data);
    PyMem_RawFree(columns);
    PyMem_RawFree(rare.starts);
    PyMem_RawFree(rare.cells);
    if (buffers != NULL)
        release(buffers, read);
    return found;
}

/* ---- Where rows begin ---- */

#define DEEPEST 16

/* Bytes of a block, and a type as `row_starts` takes it; both are read from the front. */
typedef struct {
    const unsigned char *at, *end;
} Input;

static inline int take_long(Input *in, int64_t *value)
{
    if (in->at < in->end && *in->at < 0x80) { /* as most are: branches of unions, lengths of short texts */
        *value = (int64_t)(*in->at >> 1) ^ -(int64_t)(*in->at & 1);
        in->at++;
        return 0;
    }
    uint64_t found = 0;
    for (int shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        unsigned char byte = *in->at++;
        found |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *value = (int64_t)(found >> 1) ^ -(int64_t)(found & 1);
            return 0;
        }
    }
    return -1;
}

static inline int skip_bytes(Input *in, int64_t count)
{
    if (count < 0 || count > in->end - in->at)
        return -1;
    in->at += count;
    return 0;
}

/* A field or an item: a union of null and its kind; what is in it stands behind it. */
typedef struct {
    unsigned char kind; /* l long, d double, b boolean, s string, a array, r record */
    Py_ssize_t behind;  /* where what is in it ends */
} Member;

/* The rows of a schema: its fields. */
typedef struct {
    Member *members;
    Py_ssize_t count;
} RowType;

/* Reads the type of a value and of all in it; returns where these end in the members, -1 where it is none. */
static Py_ssize_t read_type(Input *type, Member *members, Py_ssize_t at, int depth)
{
    if (depth > DEEPEST || type->at >= type->end)
        return -1;
    Member *member = &members[at++];
    member->kind = *type->at++;
    switch (member->kind) {
    case 'l':
    case 'd':
    case 'b':
    case 's':
        break;
    case 'a':
        at = read_type(type, members, at, depth + 1);
        break;
    case 'r': {
        if (type->end - type->at < 2)
            return -1;
        int fields = type->at[0] | type->at[1] << 8;
        type->at += 2;
        for (; fields > 0 && at >= 0; fields--)
            at = read_type(type, members, at, depth + 1);
        break;
    }
    default:
        return -1;
    }
    member->behind = at;
    return at;
}

/* Takes the type of rows, a record; -1 where it is none, or there is no memory. */
static int take_row_type(const Py_buffer *given, RowType *type)
{
    Input in = {given->buf, (const unsigned char *)given->buf + given->len};
    type->members = PyMem_RawCalloc((size_t)given->len + 1, sizeof *type->members);
    type->count = type->members == NULL ? -1 : read_type(&in, type->members, 0, 0);
    return type->count < 1 || in.at != in.end || type->members[0].kind != 'r' ? -1 : 0;
}

/* Steps over values of the members from one on to another. */
static int skip(Input *in, const Member *members, Py_ssize_t at, Py_ssize_t behind);

static int skip_items(Input *in, const Member *members, Py_ssize_t at, Py_ssize_t behind)
{
    for (;;) {
        int64_t count, size;
        if (take_long(in, &count) < 0)
            return -1;
        if (count == 0)
            return 0;
        if (count < 0) { /* a block that says its size */
            if (take_long(in, &size) < 0 || skip_bytes(in, size) < 0)
                return -1;
            continue;
        }
        for (; count > 0; count--)
            if (skip(in, members, at, behind) < 0)
                return -1;
    }
}

static int skip(Input *in, const Member *members, Py_ssize_t at, Py_ssize_t behind)
{
    int64_t length;
    while (at < behind) {
        if (in->at >= in->end)
            return -1;
        const unsigned char branch = *in->at++;
        if (branch == 0) {
            at = members[at].behind;
            continue;
        }
        if (branch != 2)
            return -1;
        switch (members[at].kind) {
        case 'l':
            if (take_long(in, &length) < 0)
                return -1;
            break;
        case 'd':
            if (skip_bytes(in, 8) < 0)
                return -1;
            break;
        case 'b':
            if (skip_bytes(in, 1) < 0)
                return -1;
            break;
        case 's':
            if (take_long(in, &length) < 0 || skip_bytes(in, length) < 0)
                return -1;
            break;
        case 'a':
            if (skip_items(in, members, at + 1, members[at].behind) < 0)
                return -1;
            at = members[at].behind;
            continue;
        default: /* a record: its fields follow */
            break;
        }
        at++;
    }
    return 0;
}

/* Steps over a row; `named` is how many of its bytes the first `naming` fields take, none of which is in another. */
static int skip_row(Input *in, const RowType *type, Py_ssize_t naming, Py_ssize_t *named)
{
    const unsigned char *start = in->at;
    const Py_ssize_t split = naming < type->count ? 1 + naming : type->count;
    if (skip(in, type->members, 1, split) < 0)
        return -1;
    *named = in->at - start;
    return skip(in, type->members, split, type->count);
}

PyDoc_STRVAR(row_starts_doc,
             "row_starts(data, count, type) -> bytes, count + 1 int64: where each row begins, and where the last one ends\n\n"
             "type: l long, d double, b boolean, s string, a and its items, r and the number of fields (uint16) and these; "
             "all that is in another is a union of null and its type.");

static PyObject *row_starts(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, type;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "y*ny*", &data, &count, &type))
        return NULL;
    Input in = {data.buf, (const unsigned char *)data.buf + data.len};
    RowType of_row;
    /* Each row takes a byte at least: no more memory than there are bytes. */
    PyObject *found = take_row_type(&type, &of_row) < 0 || count < 0 || count > data.len
                          ? NULL
                          : PyBytes_FromStringAndSize(NULL, (count + 1) * (Py_ssize_t)sizeof(int64_t));
    if (found == NULL)
        goto wrong;
    char *starts = PyBytes_AS_STRING(found);
    for (Py_ssize_t row = 0; row <= count; row++) {
        int64_t start = in.at - (const unsigned char *)data.buf;
        memcpy(starts + row * (Py_ssize_t)sizeof start, &start, sizeof start);
        if (row < count && skip(&in, of_row.members, 1, of_row.count) < 0)
            goto wrong;
    }
    if (in.at != in.end)
        goto wrong;
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    return found;
wrong:
    Py_XDECREF(found);
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "expected %zd rows of this type, and nothing behind them", count);
    return NULL;
}

#define ROWS_WRONG "expected rows of this type, and nothing behind them"

/* Rows that become blocks: those of the block that is not full yet. */
typedef struct {
    PyObject *blocks;
    Output out;
    Py_ssize_t rows, least;
} Cutter;

static int add_row(Cutter *to, const unsigned char *row, Py_ssize_t size, Py_ssize_t named)
{
    if (reserve(&to->out, size) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(to->out.data + to->out.size, row, (size_t)size);
    to->out.size += size;
    to->rows++;
    if (!ends_block(to->rows, to->out.size, to->least, row, named))
        return 0;
    int failed = append_block(to->blocks, to->rows, to->out.data, to->out.size);
    to->rows = to->out.size = 0;
    return failed;
}

PyDoc_STRVAR(cut_doc,
             "cut(data, count, type, naming, least) -> (blocks, rows, rest)\n\n"
             "Cuts `count` encoded rows into blocks: a list of (rows, bytes), and the rows behind the last end of a block.");

static PyObject *cut(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, type;
    Py_ssize_t count, naming, least, named;
    if (!PyArg_ParseTuple(arguments, "y*ny*nn", &data, &count, &type, &naming, &least))
        return NULL;
    PyObject *found = NULL;
    const char *wrong = NULL;
    RowType of_row;
    Cutter to = {PyList_New(0), {PyMem_RawMalloc(1 << 16), 0, 1 << 16}, 0, least};
    Input in = {data.buf, (const unsigned char *)data.buf + data.len};
    if (take_row_type(&type, &of_row) < 0) {
        wrong = "expected the type of a record";
        goto done;
    }
    if (to.blocks == NULL || to.out.data == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t row = 0; row < count; row++) {
        const unsigned char *start = in.at;
        if (skip_row(&in, &of_row, naming, &named) < 0) {
            wrong = ROWS_WRONG;
            goto done;
        }
        if (add_row(&to, start, in.at - start, named) < 0)
            goto done;
    }
    if (in.at != in.end)
        wrong = ROWS_WRONG;
    else
        found = Py_BuildValue("Ony#", to.blocks, to.rows, (const char *)to.out.data, to.out.size);
done:
    if (wrong != NULL)
        PyErr_SetString(PyExc_ValueError, wrong);
    Py_XDECREF(to.blocks);
    PyMem_RawFree(to.out.data);
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    return found;
}

/* ---- Blocks in a container ---- */

#define CHECK 4 /* bytes of the checksum */

/* Puts a block: how many rows, how many bytes, what snappy made of the rows, their CRC-32, the marker. */
static int put_block(Output *out, Py_ssize_t count, const unsigned char *payload, Py_ssize_t size, uint32_t crc,
                     const Py_buffer *marker)
{
    if (reserve(out, 20 + size + CHECK + marker->len) < 0)
        return -1;
    unsigned char *at = put_long(put_long(out->data + out->size, count), size + CHECK);
    memcpy(at, payload, (size_t)size);
    at += size;
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (unsigned char)(crc >> shift);
    memcpy(at, marker->buf, (size_t)marker->len);
    out->size = at + marker->len - out->data;
    return 0;
}

PyDoc_STRVAR(framed_doc,
             "framed(count, rows, compressed, marker) -> bytes\n\n"
             "A block of a container: how many rows, how many bytes, what snappy made of the rows, their CRC-32, the marker.");

static PyObject *framed(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t count;
    Py_buffer rows, compressed, marker;
    if (!PyArg_ParseTuple(arguments, "ny*y*y*", &count, &rows, &compressed, &marker))
        return NULL;
    Output out = {PyMem_RawMalloc(1 << 12), 0, 1 << 12};
    PyObject *found = NULL;
    if (out.data == NULL ||
        put_block(&out, count, compressed.buf, compressed.len, crc32_of(rows.buf, rows.len), &marker) < 0)
        PyErr_NoMemory();
    else
        found = PyBytes_FromStringAndSize((const char *)out.data, out.size);
    PyMem_RawFree(out.data);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&compressed);
    PyBuffer_Release(&marker);
    return found;
}

PyDoc_STRVAR(blocks_doc,
             "blocks(data, start, marker) -> bytes, four int64 for each block and one more\n\n"
             "The blocks of a container from `start` on: where each begins, how many rows it has, where its compressed bytes "
             "begin, and how many bytes they become; at last where all end.");

static PyObject *blocks(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t start;
    Py_buffer data, marker;
    if (!PyArg_ParseTuple(arguments, "y*ny*", &data, &start, &marker))
        return NULL;
    Output out = {PyMem_RawMalloc(1 << 12), 0, 1 << 12};
    PyObject *found = NULL;
    const unsigned char *base = data.buf;
    Input in = {base + start, base + data.len};
    int sound = out.data != NULL && start >= 0 && start <= data.len;
    while (sound && in.at < in.end) {
        int64_t entry[4] = {in.at - base, 0, 0, 0}, size;
        sound = take_long(&in, &entry[1]) == 0 && entry[1] >= 0 && take_long(&in, &size) == 0 && size > 4;
        entry[2] = in.at - base;
        const Input compressed = in;
        sound = sound && skip_bytes(&in, size) == 0 && in.end - in.at >= marker.len &&
                memcmp(in.at, marker.buf, (size_t)marker.len) == 0 && reserve(&out, 2 * sizeof entry) == 0;
        if (!sound)
            break;
        in.at += marker.len;
        const unsigned char *at = compressed.at; /* snappy begins with the length, seven bits a byte */
        for (int shift = 0; shift < 35 && at < in.end; shift += 7) {
            entry[3] |= (int64_t)(*at & 0x7F) << shift;
            if (*at++ < 0x80)
                break;
        }
        memcpy(out.data + out.size, entry, sizeof entry);
        out.size += sizeof entry;
    }
    if (sound) {
        int64_t end = data.len;
        memcpy(out.data + out.size, &end, sizeof end);
        found = PyBytes_FromStringAndSize((const char *)out.data, out.size + (Py_ssize_t)sizeof end);
    } else
        PyErr_SetString(PyExc_ValueError, "expected blocks, each with this marker behind it");
    PyMem_RawFree(out.data);
    PyBuffer_Release(&data);
    PyBuffer_Release(&marker);
    return found;
}

/* ---- Blocks of a container that change ---- */

#define MOST_OF_A_BYTE 64 /* no byte of what snappy makes stands for more bytes */
#define SLACK 64 /* bytes behind the room for rows, so that they can be copied many at a time */

/* What snappy made of `size` bytes, as its format description has it; -1 where it made no such thing. There is room for
   SLACK bytes more. */
static int uncompress(const unsigned char *at, Py_ssize_t length, unsigned char *to, Py_ssize_t size)
{
    const unsigned char *const end = at + length;
    unsigned char *out = to, *const stop = to + size;
    uint64_t said = 0;
    for (int shift = 0; at < end && shift < 35; shift += 7) {
        said |= (uint64_t)(*at & 0x7F) << shift;
        if (*at++ < 0x80)
            break;
    }
    if (said != (uint64_t)size)
        return -1;
    while (at < end) {
        const unsigned tag = *at++;
        Py_ssize_t count = (Py_ssize_t)(tag >> 2) + 1, offset;
        switch (tag & 3) {
        case 0:
            if (count > 60) { /* the length stands behind, in one to four bytes */
                const Py_ssize_t width = count - 60;
                if (end - at < width)
                    return -1;
                count = 1;
                for (Py_ssize_t byte = 0; byte < width; byte++)
                    count += (Py_ssize_t)*at++ << 8 * byte;
            }
            if (count > end - at || count > stop - out)
                return -1;
            if (count <= SLACK && end - at >= SLACK)
                memcpy(out, at, SLACK);
            else
                memcpy(out, at, (size_t)count);
            at += count;
            out += count;
            continue;
        case 1:
            if (end - at < 1)
                return -1;
            count = (Py_ssize_t)(tag >> 2 & 7) + 4;
            offset = (Py_ssize_t)(tag >> 5) << 8 | at[0];
            at += 1;
            break;
        case 2:
            if (end - at < 2)
                return -1;
            offset = (Py_ssize_t)(at[0] | at[1] << 8);
            at += 2;
            break;
        default:
            if (end - at < 4)
                return -1;
            offset = (Py_ssize_t)(at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24);
            at += 4;
        }
        if (offset < 1 || offset > out - to || count > stop - out)
            return -1;
        const unsigned char *from = out - offset;
        if (offset >= 16)
            for (Py_ssize_t done = 0; done < count; done += 16)
                memcpy(out + done, from + done, 16);
        else
            for (Py_ssize_t done = 0; done < count; done++)
                out[done] = from[done];
        out += count;
    }
    return out == stop ? 0 : -1;
}

/* A block of the container: an entry of the table that `blocks` makes; the entry behind it says where it ends. */
typedef struct {
    int64_t begin, count, payload, size;
} Entry;

/* A container whose blocks change: its bytes, its blocks, and room for the rows of one of them. */
typedef struct {
    Py_buffer data, table, type, marker;
    const Entry *entries;
    Py_ssize_t count; /* of blocks */
    RowType of_row;
    Output rows;
} Container;

static void close_container(Container *of)
{
    PyMem_RawFree(of->rows.data);
    PyMem_RawFree(of->of_row.members);
    PyBuffer_Release(&of->data);
    PyBuffer_Release(&of->table);
    PyBuffer_Release(&of->type);
    PyBuffer_Release(&of->marker);
}

/* Sets up a container whose buffers are there; -1 with an exception where they are not what they should be. */
static int open_container(Container *of)
{
    of->rows.data = NULL;
    of->rows.size = of->rows.room = 0;
    if (take_row_type(&of->type, &of->of_row) < 0) {
        PyErr_SetString(PyExc_ValueError, "expected the type of a record");
        return -1;
    }
    const Py_ssize_t numbers = of->table.len / (Py_ssize_t)sizeof(int64_t);
    of->entries = of->table.buf;
    of->count = numbers / 4;
    const int64_t *all = of->table.buf;
    int64_t before = 0;
    int sound = numbers % 4 == 1 && all[numbers - 1] <= of->data.len;
    for (Py_ssize_t at = 0; sound && at < of->count; at++) {
        const Entry *entry = &of->entries[at];
        const int64_t end = all[4 * (at + 1)];
        sound = entry->begin >= before && entry->payload >= entry->begin && entry->count >= 0 && entry->size >= 0 &&
                end - entry->payload >= CHECK + of->marker.len &&
                entry->size / MOST_OF_A_BYTE <= end - entry->payload; /* no memory for what cannot be */
        before = end;
        if (sound && entry->size > of->rows.room)
            of->rows.room = (Py_ssize_t)entry->size;
    }
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "expected the table of the blocks of this container");
        return -1;
    }
    of->rows.data = PyMem_RawMalloc((size_t)of->rows.room + SLACK);
    if (of->rows.data == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* How many bytes snappy made of a block. */
static Py_ssize_t payload_size(const Container *of, Py_ssize_t at)
{
    const int64_t *all = of->table.buf;
    return (Py_ssize_t)(all[4 * (at + 1)] - of->entries[at].payload) - CHECK - of->marker.len;
}

/* Of ascending numbers, how many are less than one. */
static Py_ssize_t before_number(const int64_t *numbers, Py_ssize_t count, int64_t than)
{
    Py_ssize_t low = 0;
    while (low < count) {
        Py_ssize_t middle = low + (count - low) / 2;
        if (numbers[middle] < than)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Rows that go and come; see `spliced`. */
typedef struct {
    const int64_t *gone, *bounds, *before;
    const unsigned char *rows;
    Py_ssize_t leaving, out, coming, come, size; /* `out` go and `come` come before the row at hand */
} Edits;

/* Adds the rows that come in before a row. NULL, or what is wrong, "" with an exception. */
static const char *add_coming(Cutter *to, Edits *edits, int64_t number, const RowType *type, Py_ssize_t naming)
{
    for (; edits->come < edits->coming && edits->before[edits->come] <= number; edits->come++) {
        const int64_t start = edits->bounds[edits->come], stop = edits->bounds[edits->come + 1];
        if (start < 0 || start > stop || stop > edits->size)
            return "expected bounds of the rows that come in";
        Input in = {edits->rows + start, edits->rows + stop};
        Py_ssize_t named;
        if (skip_row(&in, type, naming, &named) < 0 || in.at != in.end)
            return "expected rows of this type to come in";
        if (add_row(to, edits->rows + start, stop - start, named) < 0)
            return "";
    }
    return NULL;
}

/* Adds the rows of a block as they are to be. NULL, or what is wrong, "" with an exception. */
static const char *add_block(Cutter *to, Edits *edits, const Container *of, Py_ssize_t at, int64_t first, Py_ssize_t naming)
{
    const Entry *entry = &of->entries[at];
    if (uncompress((const unsigned char *)of->data.buf + entry->payload, payload_size(of, at), of->rows.data,
                   (Py_ssize_t)entry->size) < 0)
        return "expected what snappy made of rows";
    Input in = {of->rows.data, of->rows.data + entry->size};
    for (int64_t number = first; number < first + entry->count; number++) {
        const char *wrong = add_coming(to, edits, number, &of->of_row, naming);
        if (wrong != NULL)
            return wrong;
        const unsigned char *start = in.at;
        Py_ssize_t named;
        if (skip_row(&in, &of->of_row, naming, &named) < 0)
            return ROWS_WRONG;
        if (edits->out < edits->leaving && edits->gone[edits->out] == number)
            edits->out++;
        else if (add_row(to, start, in.at - start, named) < 0)
            return "";
    }
    return in.at == in.end ? NULL : ROWS_WRONG;
}

/* Appends (start, stop) to a list. */
static int append_stretch(PyObject *pieces, int64_t start, int64_t stop)
{
    PyObject *piece = Py_BuildValue("LL", (long long)start, (long long)stop);
    const int failed = piece == NULL || PyList_Append(pieces, piece) < 0;
    Py_XDECREF(piece);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(spliced_doc,
             "spliced(data, table, marker, type, naming, least, every, gone, rows, bounds, before, first, most) "
             "-> (pieces, next)\n\n"
             "The blocks of a container from the number `first` on with other rows, up to where about `most` bytes of rows "
             "are in blocks of their own, and a block begins where one did: `next`, how many there are if none does.\n"
             "pieces: (start, stop) for bytes of the container that stay, (rows, bytes) for a block that is to be written.\n"
             "table: as `blocks` gives it. every: whether no block stays as it is.\n"
             "The rows with the numbers `gone` (int64, ascending) are left out, and row n of `rows` (from bounds[n] to "
             "bounds[n + 1]) comes in before the row before[n] (int64, ascending), or behind all.");

static PyObject *spliced(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Container of;
    Py_buffer gone, rows, bounds, before;
    Py_ssize_t naming, least, at, most;
    int every;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*nnpy*y*y*y*nn", &of.data, &of.table, &of.marker, &of.type, &naming, &least,
                          &every, &gone, &rows, &bounds, &before, &at, &most))
        return NULL;
    const Py_ssize_t width = sizeof(int64_t);
    Edits edits = {gone.buf, bounds.buf, before.buf, rows.buf, gone.len / width, 0, before.len / width, 0, rows.len};
    PyObject *found = NULL;
    const char *wrong = "";
    Cutter to = {PyList_New(0), {PyMem_RawMalloc(1 << 16), 0, 1 << 16}, 0, least};
    if (open_container(&of) < 0)
        goto done;
    if (to.blocks == NULL || to.out.data == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    wrong = "expected bounds of the rows that come in, and a block to begin with";
    if ((edits.coming && bounds.len / width <= edits.coming) || at < 0 || at > of.count)
        goto done;
    int64_t first = 0, written = 0;
    for (Py_ssize_t block = 0; block < at; block++)
        first += of.entries[block].count;
    edits.out = before_number(edits.gone, edits.leaving, first);
    edits.come = at ? before_number(edits.before, edits.coming, first) : 0;
    int64_t copied = -1; /* where what stays begins */
    for (; at < of.count && !(written >= most && to.rows == 0); at++) {
        const Entry *entry = &of.entries[at];
        const int64_t behind = first + entry->count;
        const int changes = every || to.rows != 0 || (edits.out < edits.leaving && edits.gone[edits.out] < behind) ||
                            (edits.come < edits.coming && (edits.before[edits.come] < behind || at == of.count - 1));
        if (!changes) {
            if (copied < 0)
                copied = entry->begin;
        } else {
            wrong = copied >= 0 && append_stretch(to.blocks, copied, entry->begin) < 0
                        ? ""
                        : add_block(&to, &edits, &of, at, first, naming);
            if (wrong != NULL)
                goto done;
            copied = -1;
            written += entry->size;
        }
        first = behind;
    }
    wrong = at == of.count ? add_coming(&to, &edits, INT64_MAX, &of.of_row, naming) : NULL;
    if (wrong != NULL)
        goto done;
    wrong = "";
    if (copied >= 0 && append_stretch(to.blocks, copied, ((const int64_t *)of.table.buf)[4 * at]) < 0)
        goto done;
    if (to.rows && append_block(to.blocks, to.rows, to.out.data, to.out.size) < 0)
        goto done;
    wrong = NULL;
    found = Py_BuildValue("On", to.blocks, at);
done:
    if (wrong != NULL && *wrong)
        PyErr_SetString(PyExc_ValueError, wrong);
    Py_XDECREF(to.blocks);
    PyMem_RawFree(to.out.data);
    close_container(&of);
    PyBuffer_Release(&gone);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&bounds);
    PyBuffer_Release(&before);
    return found;
}

/* Puts `with` at the end of each row in place of `end`, which is as long; -1 where a row does not end so, or is none. */
static int replace_ends(unsigned char *rows, Py_ssize_t size, int64_t count, const RowType *type, const Py_buffer *end,
                        const Py_buffer *with)
{
    Input in = {rows, rows + size};
    for (int64_t row = 0; row < count; row++) {
        const unsigned char *start = in.at;
        if (skip(&in, type->members, 1, type->count) < 0 || in.at - start < end->len ||
            memcmp(in.at - end->len, end->buf, (size_t)end->len) != 0)
            return -1;
        memcpy(rows + (in.at - rows) - end->len, with->buf, (size_t)with->len);
    }
    return in.at == in.end ? 0 : -1;
}

/* Exchanges a text wherever it stands, from the left. */
static void exchange(unsigned char *at, Py_ssize_t size, const Py_buffer *was, const Py_buffer *now)
{
    const unsigned char first = ((const unsigned char *)was->buf)[0], second = ((const unsigned char *)was->buf)[1];
    unsigned char *const end = at + size - was->len;
    while (at <= end && (at = memchr(at + 1, second, (size_t)(end - at + 1))) != NULL) {
        at--;
        if (*at == first && memcmp(at, was->buf, (size_t)was->len) == 0) {
            memcpy(at, now->buf, (size_t)now->len);
            at += was->len;
        } else
            at++;
    }
}

PyDoc_STRVAR(reworded_doc,
             "reworded(data, table, marker, type, was, now, first, most) -> (bytes, next)\n\n"
             "The blocks of a container from the number `first` on in which every row ends with the bytes `was`, with `now` "
             "in their place, which is as long: up to the first one that is none, or about `most` bytes.\n"
             "Where the bytes stand in what snappy made of a block they are exchanged. It is such a block if all rows end "
             "with `now` thereafter, and it would have its checksum if they ended with `was`.");

static PyObject *reworded(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Container of;
    Py_buffer was, now;
    Py_ssize_t at, most;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*nn", &of.data, &of.table, &of.marker, &of.type, &was, &now, &at, &most))
        return NULL;
    PyObject *found = NULL;
    Output out = {PyMem_RawMalloc(1 << 16), 0, 1 << 16}, payload = {PyMem_RawMalloc(1 << 16), 0, 1 << 16};
    if (open_container(&of) < 0)
        goto done;
    if (was.len != now.len || was.len < 2 || at < 0) {
        PyErr_SetString(PyExc_ValueError, "expected two ends of rows of one length, and a block to begin with");
        goto done;
    }
    int failed = out.data == NULL || payload.data == NULL;
    for (; !failed && at < of.count && out.size < most; at++) {
        const Entry *entry = &of.entries[at];
        const Py_ssize_t length = payload_size(&of, at), size = (Py_ssize_t)entry->size;
        const unsigned char *from = (const unsigned char *)of.data.buf + entry->payload, *check = from + length;
        payload.size = 0;
        failed = reserve(&payload, length) < 0;
        if (failed)
            break;
        memcpy(payload.data, from, (size_t)length);
        exchange(payload.data, length, &was, &now);
        if (uncompress(payload.data, length, of.rows.data, size) < 0)
            break;
        const uint32_t crc = crc32_of(of.rows.data, size);
        const uint32_t had = (uint32_t)check[0] << 24 | (uint32_t)check[1] << 16 | (uint32_t)check[2] << 8 | check[3];
        if (replace_ends(of.rows.data, size, entry->count, &of.of_row, &now, &was) < 0 ||
            crc32_of(of.rows.data, size) != had)
            break;
        failed = put_block(&out, (Py_ssize_t)entry->count, payload.data, length, crc, &of.marker) < 0;
    }
    if (failed)
        PyErr_NoMemory();
    else
        found = Py_BuildValue("y#n", (const char *)out.data, out.size, at);
done:
    PyMem_RawFree(out.data);
    PyMem_RawFree(payload.data);
    close_container(&of);
    PyBuffer_Release(&was);
    PyBuffer_Release(&now);
    return found;
}

static PyMethodDef METHODS[] = {{"encode", encode, METH_VARARGS, encode_doc},
                                {"row_starts", row_starts, METH_VARARGS, row_starts_doc},
                                {"cut", cut, METH_VARARGS, cut_doc},
                                {"framed", framed, METH_VARARGS, framed_doc},
                                {"blocks", blocks, METH_VARARGS, blocks_doc},
                                {"spliced", spliced, METH_VARARGS, spliced_doc},
                                {"reworded", reworded, METH_VARARGS, reworded_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_avro_rows", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__avro_rows(void)
{
    prepare_crc32();
    return PyModule_Create(&MODULE);
}
