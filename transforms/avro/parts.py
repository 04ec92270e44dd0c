"""Writes the rows of a frame as an Avro object container file: a header and blocks of rows, compressed with snappy."""

import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import fastavro
import polars as pl
import pyarrow as pa
from fastavro.write import Writer

from transforms.avro.blocks import Block, RowType
from transforms.avro.numbers import encoded_long
from transforms.avro.rows import Values, encoded

CODEC = "snappy"
_SNAPPY = pa.Codec(CODEC)
CHECK_BYTES = 4
"""Size of the CRC-32 that Avro appends to the data of snappy; it is included in the size of a block."""
_MARKER_BYTES = 16


def avro_container(
    frame: pl.DataFrame,
    schema: Mapping[str, object],
    *,
    records: Mapping[str, Sequence[Values]] | None = None,
) -> Iterator[bytes]:
    """The rows of a frame as an Avro container, piece by piece; the same bytes for the same rows and schema.

    Columns that are named in `records` are records with these fields, in every row, whatever the frame has there.

    Each column is encoded as a union of null and its type, in the order of the frame: `schema` has to have just that
    structure, with whatever names.

    Raises:
        ValueError: Number of columns and of fields of the schema differ.
    """
    fields = schema["fields"]
    if not isinstance(fields, list) or len(fields) != frame.width:
        raise ValueError(f"expected columns for {fields!r}, got {frame.columns!r}")
    yield header(schema)
    yield from framed(encoded(frame, RowType(schema), records=records or {}), marker(schema))


def rows_of(container: bytes) -> Iterator[dict[str, object]]:
    """The rows of an Avro container, as any reader of Avro gets them."""
    for row in fastavro.reader(io.BytesIO(container)):
        yield cast("dict[str, object]", row)


def header(schema: Mapping[str, object]) -> bytes:
    """The header of a container of such rows."""
    out = io.BytesIO()
    # As it is: a parsed one has its keys in an order that differs from process to process, and stands in the file (P3).
    Writer(out, dict(schema), codec=CODEC, sync_marker=marker(schema))  # which writes the header
    return out.getvalue()


def marker(schema: Mapping[str, object]) -> bytes:
    """The sync marker behind each block: derived from the schema, so that nothing in the file is random."""
    return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).digest()[:_MARKER_BYTES]


def framed(blocks: Iterable[Block], sync_marker: bytes) -> Iterator[bytes]:
    """Compresses blocks and frames them as they stand in a container."""
    for count, rows in blocks:
        payload: bytes = _SNAPPY.compress(rows, asbytes=True)
        check = zlib.crc32(rows).to_bytes(CHECK_BYTES, "big")
        yield b"".join((encoded_long(count), encoded_long(len(payload) + len(check)), payload, check, sync_marker))
