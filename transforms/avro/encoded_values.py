"""Reads the encoded values of Avro's simple types (Avro specification, "Binary encoding").

A number is checked for its 64 bits and a length for the bytes that are there, so no value takes more memory than the
data it is read from. Every function raises `EncodingError`, or IndexError or struct.error where the data ends.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from transforms.avro.numbers import MORE, EncodingError, long

Reader: TypeAlias = Callable[[bytes, int], tuple[Any, int]]
"""Takes data and an offset; returns the value there and the offset after it."""

_FLOAT: Final = struct.Struct("<f").unpack_from
_DOUBLE: Final = struct.Struct("<d").unpack_from


def block_count(data: bytes, at: int) -> tuple[int, int]:
    """How many items the next block of a list or map has; what it says of its bytes is passed over."""
    count, at = long(data, at)
    if count < 0:
        _, at = long(data, at)
        return -count, at
    return count, at


def _null(_data: bytes, at: int) -> tuple[None, int]:
    return None, at


def _boolean(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] != 0, at + 1


class NonFinite(float):
    """NaN or an infinity: a type of its own, for which encoders ask."""

    __slots__ = ()


def _float(data: bytes, at: int) -> tuple[float, int]:
    (value,) = _FLOAT(data, at)
    return (value if value - value == 0 else NonFinite(value)), at + 4


def _double(data: bytes, at: int) -> tuple[float, int]:
    (value,) = _DOUBLE(data, at)
    return (value if value - value == 0 else NonFinite(value)), at + 8


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = long(data, at)
    end = at + length
    if length < 0 or end > len(data):
        raise EncodingError(f"a value of {length:,} bytes where {len(data) - at:,} are left")
    return data[at:end], end


def string(data: bytes, at: int) -> tuple[str, int]:
    """The text at a place and the place behind it; bytes that are not UTF-8 become surrogates."""
    length = data[at]
    if length < MORE and not length & 1:  # as most are: shorter than 64
        at += 1
        end = at + (length >> 1)
        value = data[at:end]
        if end > len(data):
            raise EncodingError(f"a text of {length >> 1} bytes where {len(data) - at:,} are left")
    else:
        value, end = _bytes(data, at)
    try:
        return value.decode(), end
    except UnicodeDecodeError:
        # It spoils its own record alone, which is judged as a line would be (F2).
        return value.decode("utf-8", "surrogateescape"), end


PRIMITIVES: Final[Mapping[str, Reader]] = {
    "null": _null,
    "boolean": _boolean,
    "int": long,
    "long": long,
    "float": _float,
    "double": _double,
    "bytes": _bytes,
    "string": string,
}
"""How a value of each simple type is read, without its logical type."""


def primitive_end(name: str, data: bytes, at: int) -> int:
    """The place behind a value of a simple type, which is not read."""
    match name:
        case "null":
            return at
        case "boolean":
            return at + 1
        case "float":
            return at + 4
        case "double":
            return at + 8
        case "bytes" | "string":
            length, at = long(data, at)
            if length < 0:
                raise EncodingError(f"a value of {length:,} bytes")
            return at + length
        case _:
            return long(data, at)[1]
