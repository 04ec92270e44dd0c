"""Columns to an Avro object container file: a header and blocks of encoded rows, compressed with snappy."""

import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import polars as pl
import pyarrow as pa
from fastavro.write import Writer

from transforms.formats.avro_rows import Block, Values, encoded

ROWS_PER_BLOCK = 16_000
CODEC = "snappy"
_SNAPPY = pa.Codec(CODEC)
_MARKER_BYTES = 16


def avro_container(
    frame: pl.DataFrame, schema: Mapping[str, object], *, records: Mapping[str, Sequence[Values]] | None = None
) -> bytes:
    """The rows of a frame as an Avro container, the same bytes for the same rows and schema.

    Columns that are named in `records` are records with these fields, in every row, whatever the frame has there.

    Each column is encoded as a union of null and its type, in the order of the frame: `schema` has to have just that
    structure, with whatever names.

    Raises:
        ValueError: Number of columns and of fields of the schema differ.
    """
    fields = schema["fields"]
    if not isinstance(fields, list) or len(fields) != frame.width:
        raise ValueError(f"expected columns for {fields!r}, got {frame.columns!r}")
    return framed(encoded(frame, rows_per_block(schema), records=records or {}), schema)


def rows_per_block(schema: Mapping[str, object]) -> int:
    """How many rows of this schema a block has: wide rows are fewer, so that a block stays within megabytes."""
    leaves = sum(len(_members(field)) or 1 for field in cast("list[dict[str, object]]", schema["fields"]))
    return max(1, ROWS_PER_BLOCK // (1 + leaves // 100))


def framed(blocks: Iterable[Block], schema: Mapping[str, object]) -> bytes:
    """An Avro container of rows that are encoded already.

    The sync marker is derived from the schema, so nothing in the file is random.
    """
    marker = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).digest()[:_MARKER_BYTES]
    out = io.BytesIO()
    # As it is: a parsed one has its keys in an order that differs from process to process, and stands in the file (P3).
    Writer(out, dict(schema), codec=CODEC, sync_marker=marker)  # which writes the header
    pieces = [out.getvalue()]
    for count, rows in blocks:
        compressed = _SNAPPY.compress(rows, asbytes=True)
        check = zlib.crc32(rows).to_bytes(4, "big")  # which Avro has behind what snappy gives, and counts in
        pieces += (_long(count), _long(len(compressed) + len(check)), compressed, check, marker)
    return b"".join(pieces)


def _members(field: Mapping[str, object]) -> Sequence[object]:
    """The fields of a field that is a record."""
    kind = cast("list[object]", field["type"])[1]
    return cast("list[object]", kind["fields"]) if isinstance(kind, dict) and kind["type"] == "record" else ()


def _long(value: int) -> bytes:
    """A count or a size as Avro has it: zigzag, seven bits a byte."""
    left, found = value << 1, bytearray()
    while left > 0x7F:  # noqa: PLR2004 - seven bits
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes((*found, left))
