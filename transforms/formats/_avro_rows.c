/* Rows of columns as the binary encoding of Avro 1.11, where such rows begin, and where blocks of them end: the fast half
   of transforms/formats/avro_rows.py and avro_blocks.py, and what avro_parts.py and avro_splices.py need.

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

/* Puts a row; `named` is where the columns end that name it, the first `naming` ones, in the output. */
static int put_row(Output *out, Column *columns, Py_ssize_t count, int64_t row, Py_ssize_t naming, Py_ssize_t *named)
{
    if (reserve(out, count * MOST) < 0)
        return -1;
    unsigned char *at = out->data + out->size;
    *named = -1;
    for (Py_ssize_t i = 0; i < count;) {
        if (i >= naming && *named < 0)
            *named = at - out->data;
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
        switch (column->kind) {
        case LONG:
            at = put_long(at, ((const int64_t *)column->values)[place]);
            break;
        case DOUBLE:
            memcpy(at, (const double *)column->values + place, sizeof(double));
            at += sizeof(double);
            break;
        case BOOLEAN:
            *at++ = ((const unsigned char *)column->values)[place] != 0;
            break;
        case STRING: {
            const int64_t *offsets = column->values;
            int64_t length = offsets[place + 1] - offsets[place];
            at = put_long(at, length);
            out->size = at - out->data;
            if (reserve(out, (Py_ssize_t)length + (count - i) * MOST) < 0)
                return -1;
            at = out->data + out->size;
            memcpy(at, column->data + offsets[place], (size_t)length);
            at += length;
            break;
        }
        case RECORD:
            break; /* its fields follow */
        }
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
    found = PyList_New(0);
    Py_ssize_t rows = 0;
    for (Py_ssize_t row = 0; found != NULL && row < height; row++) {
        const Py_ssize_t start = out.size;
        Py_ssize_t named;
        if (put_row(&out, columns, count, row, naming, &named) < 0) {
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

PyDoc_STRVAR(cut_doc,
             "cut(data, count, is_last, type, naming, least[, carried, first, gone, rows, bounds, before]) -> (blocks, rows, rest)\n\n"
             "Cuts `count` encoded rows into blocks: a list of (rows, bytes), and the rows behind the last end of a block, "
             "of which there are none with is_last.\n"
             "The first `carried` rows are as they are to be; those behind them are numbered from `first` on. Of these the "
             "rows with the numbers `gone` (int64, ascending) are left out, and row n of `rows` (from bounds[n] to bounds[n "
             "+ 1]) comes in before the row before[n] (ascending), with is_last also behind all.");

static PyObject *cut(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, type, gone = {0}, rows = {0}, bounds = {0}, before = {0};
    Py_ssize_t count, naming, least, carried = 0, first = 0;
    int is_last;
    if (!PyArg_ParseTuple(arguments, "y*npy*nn|nny*y*y*y*", &data, &count, &is_last, &type, &naming, &least, &carried, &first,
                          &gone, &rows, &bounds, &before))
        return NULL;
    PyObject *found = NULL;
    const char *wrong = NULL;
    RowType of_row;
    Cutter to = {PyList_New(0), {PyMem_RawMalloc(1 << 16), 0, 1 << 16}, 0, least};
    if (take_row_type(&type, &of_row) < 0) {
        wrong = "expected the type of a record";
        goto done;
    }
    if (to.blocks == NULL || to.out.data == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    const Py_ssize_t width = sizeof(int64_t);
    const int64_t *left_out = gone.buf, *ends = bounds.buf, *next = before.buf;
    const Py_ssize_t leaving = gone.len / width, coming = before.len / width;
    if (coming && bounds.len / width <= coming) {
        wrong = "expected bounds of the rows that come in";
        goto done;
    }
    Py_ssize_t out = before_number(left_out, leaving, first), come = before_number(next, coming, first), named;
    Input in = {data.buf, (const unsigned char *)data.buf + data.len};
    for (Py_ssize_t row = 0; row <= count; row++) {
        const int64_t number = first + (row - carried);
        if (row == count && !is_last)
            break;
        for (; row >= carried && come < coming && next[come] <= number; come++) {
            if (ends[come] < 0 || ends[come] > ends[come + 1] || ends[come + 1] > rows.len) {
                wrong = "expected bounds of the rows that come in";
                goto done;
            }
            const unsigned char *start = (const unsigned char *)rows.buf + ends[come];
            Input one = {start, (const unsigned char *)rows.buf + ends[come + 1]};
            if (skip_row(&one, &of_row, naming, &named) < 0 || one.at != one.end) {
                wrong = "expected rows of this type to come in";
                goto done;
            }
            if (add_row(&to, start, one.end - start, named) < 0)
                goto done;
        }
        if (row == count)
            break;
        const unsigned char *start = in.at;
        if (skip_row(&in, &of_row, naming, &named) < 0) {
            wrong = "expected rows of this type, and nothing behind them";
            goto done;
        }
        if (row >= carried && out < leaving && left_out[out] == number)
            out++;
        else if (add_row(&to, start, in.at - start, named) < 0)
            goto done;
    }
    if (in.at != in.end) {
        wrong = "expected rows of this type, and nothing behind them";
        goto done;
    }
    if (is_last && to.rows) {
        if (append_block(to.blocks, to.rows, to.out.data, to.out.size) < 0)
            goto done;
        to.rows = to.out.size = 0;
    }
    found = Py_BuildValue("Ony#", to.blocks, to.rows, (const char *)to.out.data, to.out.size);
done:
    if (wrong != NULL)
        PyErr_SetString(PyExc_ValueError, wrong);
    Py_XDECREF(to.blocks);
    PyMem_RawFree(to.out.data);
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    PyBuffer_Release(&gone);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&bounds);
    PyBuffer_Release(&before);
    return found;
}

PyDoc_STRVAR(restated_doc,
             "restated(data, count, type, field, was, now) -> bytes\n\n"
             "Encoded rows with another text in one field, wherever it has the text `was`; both take as many bytes.");

static PyObject *restated(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data, type, was, now;
    Py_ssize_t count, field, named;
    if (!PyArg_ParseTuple(arguments, "y*ny*ny*y*", &data, &count, &type, &field, &was, &now))
        return NULL;
    PyObject *found = was.len == now.len ? PyBytes_FromStringAndSize(data.buf, data.len) : NULL;
    const unsigned char *start = data.buf;
    Input in = {start, start + data.len};
    RowType of_row;
    int sound = take_row_type(&type, &of_row) == 0 && found != NULL;
    for (Py_ssize_t row = 0; sound && row < count; row++) {
        const unsigned char *begin = in.at;
        sound = skip_row(&in, &of_row, field, &named) == 0;
        Input at = {begin + (sound ? named : 0), in.at};
        int64_t branch, length;
        if (sound && take_long(&at, &branch) == 0 && branch == 1 && take_long(&at, &length) == 0 && length == was.len &&
            at.end - at.at >= length && memcmp(at.at, was.buf, (size_t)length) == 0)
            memcpy(PyBytes_AS_STRING(found) + (at.at - start), now.buf, (size_t)length);
    }
    if (!sound || in.at != in.end) {
        Py_CLEAR(found);
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "expected %zd rows of this type, nothing behind them, and texts of one length",
                         count);
    }
    PyMem_RawFree(of_row.members);
    PyBuffer_Release(&data);
    PyBuffer_Release(&type);
    PyBuffer_Release(&was);
    PyBuffer_Release(&now);
    return found;
}

/* ---- Blocks in a container ---- */

PyDoc_STRVAR(framed_doc,
             "framed(count, rows, compressed, marker) -> bytes\n\n"
             "A block of a container: how many rows, how many bytes, what snappy made of the rows, their CRC-32, the marker.");

static PyObject *framed(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_ssize_t count;
    Py_buffer rows, compressed, marker;
    if (!PyArg_ParseTuple(arguments, "ny*y*y*", &count, &rows, &compressed, &marker))
        return NULL;
    unsigned char numbers[20];
    unsigned char *end = put_long(put_long(numbers, count), compressed.len + 4);
    const Py_ssize_t size = end - numbers;
    PyObject *found = PyBytes_FromStringAndSize(NULL, size + compressed.len + 4 + marker.len);
    if (found != NULL) {
        unsigned char *at = (unsigned char *)PyBytes_AS_STRING(found);
        const uint32_t crc = crc32_of(rows.buf, rows.len);
        memcpy(at, numbers, (size_t)size);
        at += size;
        memcpy(at, compressed.buf, (size_t)compressed.len);
        at += compressed.len;
        for (int shift = 24; shift >= 0; shift -= 8)
            *at++ = (unsigned char)(crc >> shift);
        memcpy(at, marker.buf, (size_t)marker.len);
    }
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

static PyMethodDef METHODS[] = {{"encode", encode, METH_VARARGS, encode_doc},
                                {"row_starts", row_starts, METH_VARARGS, row_starts_doc},
                                {"cut", cut, METH_VARARGS, cut_doc},
                                {"restated", restated, METH_VARARGS, restated_doc},
                                {"framed", framed, METH_VARARGS, framed_doc},
                                {"blocks", blocks, METH_VARARGS, blocks_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_avro_rows", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__avro_rows(void)
{
    prepare_crc32();
    return PyModule_Create(&MODULE);
}
