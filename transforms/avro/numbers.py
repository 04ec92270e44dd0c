"""Reads and writes the integers of Avro and of the codecs in it: seven bits a byte, the lowest first."""

from typing import Final

MORE: Final = 0x80
"""The bit of a byte of a number that says that another one follows."""
MOST_BYTES: Final = 10
"""What a number of 64 bits takes."""


class EncodingError(ValueError):
    """Bytes that are no value of their type; `str()` says why."""


def long(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """The signed number at a place, zigzag and of at most 64 bits, and the place behind it.

    Raises:
        EncodingError: It has more bits.
        IndexError: The data end in it.
    """
    byte = data[at]
    if byte < MORE:  # as most are
        return (byte >> 1) ^ -(byte & 1), at + 1
    value, shift = byte & 0x7F, 7
    while shift < 7 * MOST_BYTES:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < MORE:
            if value >> 64:
                break
            return (value >> 1) ^ -(value & 1), at + 1
        shift += 7
    raise EncodingError("a number of more than 64 bits")


def unsigned(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """The number at a place that is written without zigzag, as lengths of snappy are; the rest and raises as `long`."""
    value, at = long(data, at)
    return (value << 1) ^ (value >> 63), at


def encoded_long(value: int) -> bytes:
    """A count or a size as Avro has it: zigzag."""
    left, found = value << 1, bytearray()
    while left >= MORE:
        found.append(left & 0x7F | MORE)
        left >>= 7
    return bytes((*found, left))
