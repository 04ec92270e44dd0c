"""Small files that expand without end in a careless reader, and what reading one takes."""

import bz2
import gzip
import json
import lzma
import multiprocessing
import resource
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import zstandard

MIB = 1024 * 1024
_PATIENCE = 300
"""Seconds until a process that reads is taken for one that hangs; how much CPU it takes is what a test looks at."""
_SYNC = b"0123456789abcdef"


@dataclass(frozen=True)
class Reading:
    """What came of a file: counts, the message of what could not be read, seconds of CPU and MiB at the peak."""

    records: int
    refused: Sequence[str]
    unreadable: str | None
    warnings: Mapping[str, int]
    seconds: float
    peak: int


def read(path: Path) -> Reading:
    """Reads an export to its end in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["transforms.stages.exports"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_read, args=(str(path), sender))
    process.start()
    sender.close()
    try:
        found = receiver.recv() if receiver.poll(_PATIENCE) else None
    except EOFError:
        found = None
    process.kill()
    process.join()
    assert found is not None, f"the process that read {path.name} ended with {process.exitcode}, or not at all"
    return cast("Reading", found)


def _read(path: str, sender: Any) -> None:
    from transforms.stages import exports  # noqa: PLC0415 - loaded by the server of these processes
    from transforms.stages.elements import ByteRange, Export  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    begin = time.process_time()
    size = Path(path).stat().st_size
    records, refused, unreadable, warnings = 0, [], None, {}
    for load in exports.byte_ranges([Export(0, path, "items", None, size)]):
        for byte_range in cast("list[ByteRange]", load):
            for raw in exports.read(byte_range):
                if raw.chunk is not None:
                    records += len(raw.chunk.records)
                    refused += [each.fault.message if each.fault else "too long" for each in raw.chunk.refused]
                    warnings |= dict(raw.chunk.warnings)
                if raw.unreadable is not None:
                    unreadable = str(raw.unreadable)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024
    sender.send(Reading(records, refused, unreadable, warnings, time.process_time() - begin, peak))


def long(value: int) -> bytes:
    """A number as Avro encodes it."""
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def record(*fields: tuple[str, object]) -> dict[str, object]:
    """The schema of a record with fields of these names and types."""
    return {"type": "record", "name": "R", "fields": [{"name": name, "type": kind} for name, kind in fields]}


def container(schema: object, blocks: Sequence[tuple[int, bytes]], codec: str = "null") -> bytes:
    """An Avro file; the schema may be given as text, the blocks as counts and (compressed) data."""
    text = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    pairs = [(b"avro.schema", text), (b"avro.codec", codec.encode())]
    header = b"".join(long(len(each)) + each for pair in pairs for each in pair)
    body = b"".join(long(count) + long(len(data)) + data + _SYNC for count, data in blocks)
    return b"Obj\x01" + long(len(pairs)) + header + long(0) + _SYNC + body


def repeated(compress: Callable[[bytes], bytes], piece: bytes, times: int = 16) -> bytes:
    """64 MiB of a piece, compressed, so many times in a row: as many members, frames or streams of one file."""
    return compress(piece * (64 * MIB // len(piece))) * times


def gz(data: bytes) -> bytes:
    """Gzip, fast."""
    return gzip.compress(data, 1)


def raw_deflate(data: bytes) -> bytes:
    """Deflate as Avro has it."""
    deflater = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def xz(data: bytes) -> bytes:
    """Xz, fast."""
    return lzma.compress(data, preset=0)


def zst(data: bytes) -> bytes:
    """Zstandard."""
    return zstandard.ZstdCompressor().compress(data)


def zst_of_a_huge_window() -> bytes:
    """A frame that asks for a window of 2 GiB."""
    parameters = zstandard.ZstdCompressionParameters(window_log=31)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return frame.compress(b'{"reference_id": "a"}\n' * 1000) + frame.flush()


def xz_of_a_huge_dictionary() -> bytes:
    """An xz stream that asks for a dictionary of 1 GiB."""
    packed = bytearray(lzma.compress(b"[1]", preset=0))
    # The header of the block: flags, the filter's id, the size of its properties, the dictionary size, a CRC-32.
    packed[16] = 36
    packed[20:24] = zlib.crc32(packed[12:20]).to_bytes(4, "little")
    return bytes(packed)


def bz2_of(data: bytes) -> bytes:
    """Bzip2."""
    return bz2.compress(data)
