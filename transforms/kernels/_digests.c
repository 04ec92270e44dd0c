/* SHA-256 and CRC-32 of many texts at once: the fast half of transforms/kernels/digests.py.

   A column of texts is what Arrow calls a large string array: int64 offsets, N + 1 of them, into bytes. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

/* ---- SHA-256 (FIPS 180-4) ---- */

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotated(uint32_t value, int bits)
{
    return value >> bits | value << (32 - bits);
}

static void add_block(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) + w[i - 7] + (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
    }
    uint32_t s[8];
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t one = rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t first = s[7] + one + choice + ROUND[i] + w[i];
        uint32_t zero = rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22);
        uint32_t second = zero + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6];
        s[6] = s[5];
        s[5] = s[4];
        s[4] = s[3] + first;
        s[3] = s[2];
        s[2] = s[1];
        s[1] = s[0];
        s[0] = first + second;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

/* The digest of a text as 64 hexadecimal digits. */
static void sha256_hex(const unsigned char *text, int64_t length, char *hex)
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    int64_t left = length;
    for (; left >= 64; left -= 64, text += 64)
        add_block(state, text);
    unsigned char end[128] = {0};
    memcpy(end, text, (size_t)left);
    end[left] = 0x80;
    int64_t size = left < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++)
        end[size - 1 - i] = (unsigned char)((uint64_t)length * 8 >> 8 * i);
    for (int64_t at = 0; at < size; at += 64)
        add_block(state, end + at);
    for (int i = 0; i < 64; i++)
        hex[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 0xF];
}

/* ---- CRC-32 (ISO-HDLC, that of zlib) ---- */

static uint32_t CRC[256];

static void make_crc_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ 0xEDB88320u : value >> 1;
        CRC[byte] = value;
    }
}

static uint32_t crc32_of(const unsigned char *text, int64_t length)
{
    uint32_t value = 0xFFFFFFFFu;
    for (int64_t i = 0; i < length; i++)
        value = CRC[(value ^ text[i]) & 0xFF] ^ value >> 8;
    return ~value;
}

/* ---- Python ---- */

typedef struct {
    Py_buffer offsets, data;
    const int64_t *at;
    Py_ssize_t count;
} Texts;

static void release(Texts *texts)
{
    PyBuffer_Release(&texts->offsets);
    PyBuffer_Release(&texts->data);
}

/* Checks that all offsets lie in the bytes, in their order; releases the buffers where they do not. */
static int check(Texts *texts)
{
    texts->at = texts->offsets.buf;
    texts->count = texts->offsets.len / (Py_ssize_t)sizeof(int64_t) - 1;
    int fine = texts->offsets.len % (Py_ssize_t)sizeof(int64_t) == 0 && texts->count >= 0 && texts->at[0] >= 0;
    for (Py_ssize_t i = 0; fine && i < texts->count; i++)
        fine = texts->at[i] <= texts->at[i + 1];
    if (fine && texts->at[texts->count] <= texts->data.len)
        return 0;
    release(texts);
    PyErr_SetString(PyExc_ValueError, "expected int64 offsets, ascending, into the bytes of the texts");
    return -1;
}

PyDoc_STRVAR(sha256_doc, "sha256_hex(offsets, data) -> bytes: 64 digits for each text");

static PyObject *sha256_column(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Texts texts;
    if (!PyArg_ParseTuple(arguments, "y*y*", &texts.offsets, &texts.data) || check(&texts) < 0)
        return NULL;
    PyObject *found = PyBytes_FromStringAndSize(NULL, texts.count * 64);
    if (found != NULL)
        for (Py_ssize_t i = 0; i < texts.count; i++)
            sha256_hex((const unsigned char *)texts.data.buf + texts.at[i], texts.at[i + 1] - texts.at[i],
                       PyBytes_AS_STRING(found) + 64 * i);
    release(&texts);
    return found;
}

PyDoc_STRVAR(crc32_doc, "crc32(offsets, data) -> bytes: a uint32 for each text");

static PyObject *crc32_column(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Texts texts;
    if (!PyArg_ParseTuple(arguments, "y*y*", &texts.offsets, &texts.data) || check(&texts) < 0)
        return NULL;
    PyObject *found = PyBytes_FromStringAndSize(NULL, texts.count * (Py_ssize_t)sizeof(uint32_t));
    if (found != NULL)
        for (Py_ssize_t i = 0; i < texts.count; i++) {
            uint32_t value = crc32_of((const unsigned char *)texts.data.buf + texts.at[i], texts.at[i + 1] - texts.at[i]);
            memcpy(PyBytes_AS_STRING(found) + i * (Py_ssize_t)sizeof value, &value, sizeof value);
        }
    release(&texts);
    return found;
}

static PyMethodDef METHODS[] = {{"sha256_hex", sha256_column, METH_VARARGS, sha256_doc},
                                {"crc32", crc32_column, METH_VARARGS, crc32_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_digests", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__digests(void)
{
    make_crc_table();
    return PyModule_Create(&MODULE);
}
