/* What snappy made of bytes, read back; its format description is in its repository. */

#ifndef SNAPPY_H
#define SNAPPY_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

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

#endif
