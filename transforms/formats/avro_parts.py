"""Columns to an Avro object container file: blocks of encoded rows, framed under our own schema by fastavro."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl
from fastavro.write import Writer

from transforms.formats.avro_rows import Values, encoded

ROWS_PER_BLOCK = 16_000
CODEC = "snappy"


class _Block(NamedTuple):
    """What `Writer.write_block` takes of a block that `fastavro.block_reader` has read."""

    num_records: int
    bytes_: io.BytesIO


def avro_container(
    frame: pl.DataFrame,
    schema: Mapping[str, object],
    *,
    records: Mapping[str, Sequence[Values]] | None = None,
    codec: str = CODEC,
) -> bytes:
    """The rows of a frame as an Avro container, the same bytes for the same rows and schema.

    Columns that are named in `records` are records with these fields, in every row, whatever the frame has there.

    Each column is encoded as a union of null and its type, in the order of the frame: `schema` has to have just that
    structure, with whatever names. The sync marker is derived from the schema, so nothing in the file is random.

    Raises:
        ValueError: Number of columns and of fields of the schema differ.
    """
    fields = schema["fields"]
    if not isinstance(fields, list) or len(fields) != frame.width:
        raise ValueError(f"expected columns for {fields!r}, got {frame.columns!r}")
    marker = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).digest()[:16]
    out = io.BytesIO()
    # As it is: a parsed one has its keys in an order that differs from process to process, and stands in the file (P3).
    writer = Writer(out, dict(schema), codec=codec, sync_marker=marker)
    # Wide rows in fewer rows a block, so that a block stays within megabytes.
    leaves = _leaves(frame) + sum(map(len, (records or {}).values()))
    height = max(1, ROWS_PER_BLOCK // (1 + leaves // 100))
    for count, rows in encoded(frame, height, records=records or {}):
        writer.write_block(_Block(count, io.BytesIO(rows)))
    writer.flush()
    return out.getvalue()


def _leaves(frame: pl.DataFrame) -> int:
    return sum(len(dtype.fields) if isinstance(dtype, pl.Struct) else 1 for dtype in frame.dtypes)
