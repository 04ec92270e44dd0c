"""R2: of bytes that are damaged anywhere, what is in front is read; nothing else ever happens."""

import io
import json
import random
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

import pytest
from support.bombs import bz2_of, container, gz, long, raw_deflate, record, xz, zst

from transforms.formats.avro_exports import read_avro
from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.compression import decompressed
from transforms.formats.document_reader import read_document
from transforms.formats.framing import read_stream
from transforms.formats.sniff import Format, sniff

LINES = [json.dumps({"reference_id": f"r{n}", "metadata": {"n": n, "s": 'ü"\\x'}}) for n in range(60)]
SCHEMA = record(
    ("reference_id", "string"),
    ("when", ["null", {"type": "long", "logicalType": "timestamp-micros"}]),
    ("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
    ("next", ["null", "R"]),
    ("metadata", {"type": "map", "values": ["null", "double", {"type": "array", "items": "int"}]}),
)


def _row(number: int) -> bytes:
    name = b"r%d" % number
    value = (
        long(2) + long(1) + b"a" + long(2) + long(2) + long(1) + long(2) + long(0) + long(1) + b"b" + long(0) + long(0)
    )
    return long(len(name)) + name + long(1) + long(10**15) + long(1) + b"\x05" + long(0) + value


def _avro(codec: str) -> bytes:
    blocks = [(5, b"".join(map(_row, range(at, at + 5)))) for at in range(0, 40, 5)]
    packed = [(count, raw_deflate(data) if codec == "deflate" else data) for count, data in blocks]
    return container(SCHEMA, packed, codec)


EXPORTS: dict[str, bytes] = {
    "x.ndjson": "\n".join(LINES).encode(),
    "x.json": f"[{', '.join(LINES)}]".encode(),
    "envelope.json": f'{{"items": [{", ".join(LINES)}], "update": true}}'.encode(),
    "x.avro": _avro("null"),
    "deflated.avro": _avro("deflate"),
    "x.ndjson.gz": gz("\n".join(LINES).encode()),
    "x.ndjson.bz2": bz2_of("\n".join(LINES).encode()),
    "x.json.xz": xz(f"[{', '.join(LINES)}]".encode()),
    "x.avro.zst": zst(_avro("null")),
}


def _chunks(data: bytes, name: str) -> Iterator[Chunk]:
    form = sniff(decompressed(io.BytesIO(data), name).read(65_536))
    stream = decompressed(io.BytesIO(data), name)
    match form:
        case Format.NDJSON:
            yield from read_stream(stream, 500)
        case Format.DOCUMENT:
            yield from read_document(stream)
        case Format.AVRO:
            yield from read_avro(cast("BinaryIO", stream), 7)
        case Format.EMPTY:
            pass


def _read(data: bytes, name: str) -> list[bytes]:
    found: list[bytes] = []
    try:
        for chunk in _chunks(data, name):
            found += chunk.records
    except Unreadable as error:
        assert str(error)  # noqa: PT017 - that it says something
    return found


@pytest.mark.parametrize("name", EXPORTS)
def test_damage_takes_nothing_with_it_that_is_in_front(name: str) -> None:
    data, chance = EXPORTS[name], random.Random(zlib.crc32(name.encode()))
    whole = _read(data, name)
    assert len(whole) >= 40
    for _ in range(150):
        damaged = bytearray(data)
        place = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                damaged[place] ^= 1 << chance.randrange(8)
            case 1:
                del damaged[place:]
            case 2:
                damaged[place:place] = chance.randbytes(chance.randrange(1, 9))
            case _:
                del damaged[place : place + chance.randrange(1, 30)]
        found = _read(bytes(damaged), name)
        if name.endswith((".ndjson", "x.json", "x.avro")):  # where a place in the file is one in the records
            ahead = sum(1 for _ in _in_front(whole, data, place))
            assert found[:ahead] == whole[:ahead]


def _in_front(records: list[bytes], data: bytes, place: int) -> Iterator[bytes]:
    """The records that end well in front of a place: in Avro, with their block."""
    at = 0
    for number, each in enumerate(records):
        if data.startswith(b"Obj"):
            at = data.find(b"0123456789abcdef", at) + 16 if number % 5 == 0 else at
            ends = data.find(b"0123456789abcdef", at) + 16
        else:
            at = data.find(each, at) + len(each)
            ends = at + 2
        if ends > place:
            return
        yield each


@pytest.mark.parametrize("name", EXPORTS)
def test_random_bytes_are_never_an_error_of_ours(name: str) -> None:
    chance = random.Random(zlib.crc32(name.encode()) + 1)
    magic = EXPORTS[name][:24]
    for _ in range(60):
        _read(chance.randbytes(chance.randrange(200)), name)
        _read(magic + chance.randbytes(chance.randrange(200)), name)
        if name.endswith(".avro"):
            _read(container(SCHEMA, [(chance.randrange(9), chance.randbytes(chance.randrange(60)))]), name)
