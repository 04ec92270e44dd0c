"""An Avro part in which few rows change: the encoding of all others is copied as it is."""

import io
from collections.abc import Iterator, Mapping
from typing import TypeAlias, cast

import fastavro
import numpy as np
import numpy.typing as npt

from transforms.formats.avro_parts import framed, rows_per_block
from transforms.formats.avro_rows import Block

try:
    from transforms.formats import _avro_rows
except ImportError:  # no compiler where the package was installed
    _avro_rows = None  # type: ignore[assignment]

_Longs: TypeAlias = npt.NDArray[np.int64]
_LEAVES = {"long": b"l", "double": b"d", "boolean": b"b", "string": b"s"}


def can_splice() -> bool:
    """Whether the extension is there that finds rows in a block; else parts are written anew."""
    return _avro_rows is not None


def spliced(part: bytes, gone: _Longs, rows: Block, places: _Longs, schema: Mapping[str, object]) -> bytes:
    """A container with other rows: the bytes that `avro_container` gives of all the rows that it has then.

    Args:
        part: A container that `avro_container` made of rows of the same schema.
        gone: Rows that are left out, ascending: int64[G].
        rows: The N rows that come in, encoded.
        places: Their numbers in the result, ascending: int64[N].
        schema: The schema of all these rows.

    Raises:
        ValueError: The rows are not of this schema.
    """
    held = [(block.num_records, block.bytes_.getvalue()) for block in fastavro.block_reader(io.BytesIO(part))]
    blocks = [*held, rows]
    count = sum(of_block for of_block, _ in held)
    starts, end = [], 0
    for of_block, data in blocks:
        starts.append(np.frombuffer(_avro_rows.row_starts(data, of_block, _type(schema)), np.int64)[:-1] + end)
        end += len(data)
    bounds = np.append(np.concatenate(starts), end)
    origins = np.empty(count - len(gone) + rows[0], np.int64)
    comes = np.zeros(len(origins), np.bool_)
    comes[places] = True
    origins[comes] = np.arange(count, count + rows[0])
    origins[~comes] = np.delete(np.arange(count), gone)
    return framed(_cut(b"".join(data for _, data in blocks), bounds, origins, rows_per_block(schema)), schema)


def _cut(data: bytes, bounds: _Longs, origins: _Longs, height: int) -> Iterator[Block]:
    """Blocks of these rows of `data`, whose row n is from bounds[n] to bounds[n + 1]."""
    view = memoryview(data)
    for start in range(0, len(origins), height):
        block = origins[start : start + height]
        breaks = np.flatnonzero(np.diff(block) != 1) + 1  # what stands one behind the other is copied at once
        firsts = bounds[block[np.insert(breaks, 0, 0)]].tolist()
        lasts = bounds[block[np.append(breaks, len(block)) - 1] + 1].tolist()
        yield len(block), b"".join([view[first:last] for first, last in zip(firsts, lasts, strict=True)])


def _type(schema: object) -> bytes:
    """A type of a schema of ours as the extension takes it."""
    if isinstance(schema, str):
        return _LEAVES[schema]
    described = cast("dict[str, object]", schema)
    if described["type"] == "array":
        return b"a" + _type(cast("list[object]", described["items"])[1])
    fields = cast("list[dict[str, object]]", described["fields"])
    members = [_type(cast("list[object]", field["type"])[1]) for field in fields]
    return b"r" + len(fields).to_bytes(2, "little") + b"".join(members)
