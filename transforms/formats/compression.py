"""Decompresses gzip, bzip2, zstandard and xz exports as streams, within limits (RULES F1, R2, R8)."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

import zstandard

from transforms.formats.chunks import Unreadable
from transforms.rules.limits import MAX_DICTIONARY_BYTES, MAX_RATIO, MIB, RATIO_FREE_BYTES

# Bytes of compressed input per call. Few: the output of intact bytes in front of a corrupt one is lost with the call
# that fails, and zstandard has no other bound for what one call may return (32 MiB).
STEP_BYTES = 1024
# Maximum decompressed bytes of one call of the other formats.
OUTPUT_BYTES = 1024 * 1024
READ_BYTES = 256 * STEP_BYTES


def is_compressed(name: str) -> bool:
    """Whether the name of an export ends like that of a compressed one: .gz, .bz2, .zst or .xz in any case."""
    return _codec(name) is not None


def decompressed(stream: BinaryIO, name: str) -> BinaryIO:
    """The bytes of an export: those of `stream`, decompressed if its name says so.

    Memory is bounded by the size of reads, not by the size of the decompressed data (R8).

    Several gzip members, zstandard frames, bzip2 or xz streams in a row are one file (F1). Reading from it gives all
    bytes in front of a truncated or corrupt place and then raises `Unreadable` there (R2): all of them if the file is
    truncated, all but those of the last 1,024 compressed bytes if it is corrupt. The same happens if the data expand
    by more than MAX_RATIO, or need more memory than MAX_DICTIONARY_BYTES (R8). It does not close
    `stream`, and it cannot seek.
    """
    codec = _codec(name)
    return stream if codec is None else cast("BinaryIO", _Decompressed(stream, codec))


class _Decompressor(Protocol):
    """The common interface of the four decompressors, which is that of `bz2` and `lzma`."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Up to `max_length` bytes; after exactly so many, a call with b"" returns more of the output."""


class _Inflater:
    """A decompressor of zlib, which needs the unconsumed input again if the output was larger than requested."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        tail = self._inflater.unconsumed_tail
        return self._inflater.decompress(tail + data if tail else data, max_length)


class _Frame:
    """A decompressor of one zstandard frame, which returns all output at once: at most 32 MiB of STEP_BYTES."""

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=MAX_DICTIONARY_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def decompress(self, data: bytes, _max_length: int, /) -> bytes:
        return self._frame.decompress(data) if data else b""


@dataclass(frozen=True, slots=True)
class _Codec:
    """`label` as in messages, `magic`, the bytes a member begins with, and `start`, a decompressor for one member."""

    label: str
    magic: bytes
    start: Callable[[], _Decompressor]


def _xz() -> _Decompressor:
    return cast("_Decompressor", lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_DICTIONARY_BYTES))


_CODECS = {
    ".gz": _Codec("gzip", b"\x1f\x8b", _Inflater),
    ".bz2": _Codec("bzip2", b"BZh", lambda: cast("_Decompressor", bz2.BZ2Decompressor())),
    ".xz": _Codec("xz", b"\xfd7zXZ\x00", _xz),
    ".zst": _Codec("zstandard", b"\x28\xb5\x2f\xfd", _Frame),
}

# bz2 reports corrupt data as OSError and, past the end of a stream, EOFError.
_FAULTS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError)


# Messages of lzma and zstandard for a file that needs too much memory.
_TOO_MUCH_MEMORY = ("Memory usage limit", "too much memory")


def _codec(name: str) -> _Codec | None:
    return next((codec for extension, codec in _CODECS.items() if name.lower().endswith(extension)), None)


class _Decompressed(io.RawIOBase):
    """A stream of decompressed bytes, which depend on the source only, not on the sizes of reads."""

    def __init__(self, source: BinaryIO, codec: _Codec) -> None:
        super().__init__()
        self._source = source
        self._codec = codec
        self._member: _Decompressor | None = None
        self._is_member = False  # whether the member began with the magic bytes of its format
        self._input = b""
        self._at = 0  # of the input that is already decompressed
        self._passed = 0  # compressed bytes in front of the input
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._given = 0
        self._unfinished = False  # whether the member has more output of the input that it took
        self._ended = False
        self._fault: str | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # io gives it one of these
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self.read()

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, all that are left by default; fewer only at the end or in front of a fault.

        Raises:
            Unreadable: if nothing is left in front of a truncated or corrupt place.
        """
        wanted = None if size is None or size < 0 else size
        while not self._ended and (wanted is None or self._buffered < wanted):
            self._step()
        if not self._buffered and self._fault is not None and wanted != 0:
            raise Unreadable(self._fault, self._given)
        buffered = b"".join(self._pieces)
        data = buffered if wanted is None else buffered[:wanted]
        self._pieces = [buffered[len(data) :]] if len(data) < len(buffered) else []
        self._buffered -= len(data)
        self._given += len(data)
        return data

    def _step(self) -> None:
        """Decompress the next few bytes; note the end or a fault."""
        if self._unfinished:
            self._advance(b"")
            return
        if self._at == len(self._input):
            self._passed += len(self._input)
            self._input, self._at = self._filled(), 0
            if not self._input:
                self._ended = True
                if self._member is not None:
                    self._fault = (
                        f"expected the end of the {self._codec.label} data, got the end of the file "
                        f"after {self._passed:,} compressed bytes: the file is truncated"
                    )
                return
        piece = self._input[self._at : self._at + STEP_BYTES]
        if self._member is None:
            if self._passed + self._at and piece.startswith(b"\x00"):
                self._at += len(piece) - len(piece.lstrip(b"\x00"))  # gzip and xz files may be padded with zeros
                return
            self._member = self._codec.start()
            self._is_member = piece.startswith(self._codec.magic)
        self._advance(piece)

    def _advance(self, piece: bytes) -> None:
        """Give the member its next input, and buffer its output."""
        member = cast("_Decompressor", self._member)
        try:
            data = member.decompress(piece, OUTPUT_BYTES)
        except _FAULTS as error:
            self._ended = True
            self._fault = self._corrupt(piece, error)
            return
        self._at += len(piece)
        self._unfinished = len(data) == OUTPUT_BYTES and not member.eof
        if data:
            self._pieces.append(data)
            self._buffered += len(data)
            made, taken = self._given + self._buffered, self._passed + self._at
            if made > RATIO_FREE_BYTES and made > taken * MAX_RATIO:
                self._ended = True
                self._fault = (
                    f"expected at most {MAX_RATIO:,} bytes of each compressed byte beyond "
                    f"{RATIO_FREE_BYTES // MIB} MiB, got {made:,} bytes of the first {taken:,}"
                )
                return
        if member.eof:
            self._at -= len(member.unused_data)
            self._member = None

    def _filled(self) -> bytes:
        """The next READ_BYTES of the source, from several reads if necessary."""
        pieces = []
        missing = READ_BYTES
        while missing and (piece := self._source.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _corrupt(self, piece: bytes, error: Exception) -> str:
        place = f"near compressed byte {self._passed + self._at:,}"
        if any(sign in str(error) for sign in _TOO_MUCH_MEMORY):
            limit = f"{MAX_DICTIONARY_BYTES // MIB} MiB of memory"
            return (
                f"expected {self._codec.label} data that take at most {limit} to decompress, got more {place} ({error})"
            )
        if self._is_member:
            return f"expected {self._codec.label} data, got corrupt data {place} ({error})"
        magic, seen = self._codec.magic, piece[: len(self._codec.magic)]
        return f"expected {self._codec.label} data, which begins with {magic.hex(' ')}, got {seen.hex(' ')} {place}"
