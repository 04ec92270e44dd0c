"""Blocks of Avro files, decompressed in bounded memory: every codec of the specification (RULES R8)."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Protocol, cast

import cramjam
import zstandard

from transforms.avro.numbers import unsigned
from transforms.rules.limits import MAX_BLOCK_BYTES, MAX_DICTIONARY_BYTES, MAX_RATIO, MIB, RATIO_FREE_BYTES

_CRC_BYTES: Final = 4
_STEP_BYTES: Final = 1024


class BlockError(ValueError):
    """A block that is corrupt, or beyond a limit; `str()` says which."""


def decompress_block(data: bytes, codec: str) -> bytes:
    """The encoded records of a block.

    Raises:
        BlockError: The data are corrupt, or decompressed larger than MAX_BLOCK_BYTES or MAX_RATIO allow (R8).
    """
    limit = min(MAX_BLOCK_BYTES, max(RATIO_FREE_BYTES, len(data) * MAX_RATIO))
    try:
        return _CODECS[codec](data, limit)
    except BlockError:
        raise
    except _FAULTS as error:
        raise BlockError(f"corrupt {codec} data ({error or 'they end too early'})") from error


def is_known(codec: str) -> bool:
    """Whether blocks of this codec can be read."""
    return codec in _CODECS


def known_codecs() -> str:
    """The names of the codecs that can be read, for a message."""
    return ", ".join(_CODECS)


def too_large(limit: int) -> BlockError:
    """The error for a block above the size limit."""
    return BlockError(
        f"a block of more than {limit:,} bytes, of which at most {MAX_BLOCK_BYTES // MIB} MiB, and beyond "
        f"{RATIO_FREE_BYTES // MIB} MiB at most {MAX_RATIO:,} for each compressed byte, are read"
    )


def _null(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise too_large(limit)
    return data


def _deflate(data: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    out = inflater.decompress(data, limit + 1)
    if len(out) > limit:
        raise too_large(limit)
    if not inflater.eof:
        raise EOFError
    return out


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _streams(data: bytes, limit: int, start: Callable[[], _Decompressor]) -> bytes:
    """All streams of the data, as `bz2.decompress` and `lzma.decompress` read them."""
    pieces: list[bytes] = []
    left = limit
    while data or not pieces:
        decompressor = start()
        pieces.append(decompressor.decompress(data, left + 1))
        left -= len(pieces[-1])
        if left < 0:
            raise too_large(limit)
        if not decompressor.eof:
            raise EOFError
        data = decompressor.unused_data
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _bzip2(data: bytes, limit: int) -> bytes:
    return _streams(data, limit, lambda: cast("_Decompressor", bz2.BZ2Decompressor()))


def _xz(data: bytes, limit: int) -> bytes:
    memory = MAX_DICTIONARY_BYTES
    return _streams(data, limit, lambda: cast("_Decompressor", lzma.LZMADecompressor(lzma.FORMAT_AUTO, memory)))


def _snappy(data: bytes, limit: int) -> bytes:
    """Snappy begins with the length of the result; Avro appends the CRC-32 of the result."""
    if len(data) <= _CRC_BYTES:
        raise EOFError
    packed, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    try:
        length, _ = unsigned(packed, 0)
    except IndexError as error:
        raise EOFError from error
    if length > limit:
        raise too_large(limit)
    out = bytes(cramjam.snappy.decompress_raw(packed))
    if zlib.crc32(out).to_bytes(_CRC_BYTES, "big") != crc:
        raise ValueError("its checksum differs")
    return out


def _zstandard(data: bytes, limit: int) -> bytes:
    """All frames of the data, in small steps, because the library cannot limit the output of one call."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_DICTIONARY_BYTES)
    pieces: list[bytes] = []
    frame, left = None, limit
    view = memoryview(data)
    while view:
        frame = frame or decompressor.decompressobj()
        pieces.append(frame.decompress(view[:_STEP_BYTES]))
        left -= len(pieces[-1])
        if left < 0:
            raise too_large(limit)
        view = view[_STEP_BYTES:] if not frame.eof else view[min(_STEP_BYTES, len(view)) - len(frame.unused_data) :]
        frame = None if frame.eof else frame
    if frame is not None or not data:
        raise EOFError
    return b"".join(pieces)


_CODECS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "null": _null,
    "deflate": _deflate,
    "snappy": _snappy,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstandard": _zstandard,
}
# bz2 reports corrupt data as OSError, and cramjam its own as an Exception of its own name.
_FAULTS: Final = (
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    cramjam.DecompressionError,
    OSError,
    EOFError,
    ValueError,
)
