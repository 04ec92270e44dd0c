"""Splits encoded rows into the blocks of an Avro part; where a block ends depends on its own rows alone.

A block without changes is therefore the same wherever rows are added or removed before it: an update copies it
compressed, and the part has the bytes of one that is written from scratch (`splices`). Blocks are small, some tens of
rows, so that an update of one row in a hundred leaves most of them unchanged; that costs about 5 % more space.
"""

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, cast

import fastavro
import numpy as np
import numpy.typing as npt

from transforms import native
from transforms.avro.numbers import long

Block: TypeAlias = tuple[int, bytes]
"""How many rows, and their encoding."""
Longs: TypeAlias = npt.NDArray[np.int64]
LEAST_ROWS, LEAST_KEYS = 16, 256
"""No block but the last has fewer. Blocks of cache keys, which are never replaced one by one, are larger."""
_SPREAD, _SHIFT = 0x9E3779B1, 28
"""A block of so many rows ends behind the next row of which the name says so: one in 16, by the leading bits of its
CRC-32 times the golden ratio (the names of a partition have bits of the CRC in common)."""
MOST_ROWS = 1_024
MOST_BYTES = 1 << 20
"""A block ends where it has as many rows, or bytes before they are compressed, whatever the names."""
_NAMES = frozenset({"cache_key", "reference_id", "annotation_id", "task_id"})
"""The fields at the front of a row that name it; an update does not change them."""
_LEAVES = {"long": b"l", "double": b"d", "boolean": b"b", "string": b"s"}


@dataclass(frozen=True)
class RowType:
    """The facts about a schema that are needed to find rows in a block, and to split rows into blocks.

    Attributes:
        schema: A record, each field of which is a union of null and its type.
    """

    schema: Mapping[str, object]

    @cached_property
    def code(self) -> bytes:
        """The type as the extension takes it."""
        return _code(self.schema)

    @cached_property
    def naming(self) -> int:
        """How many fields at the front name a row; all of these are strings."""
        names = [str(field["name"]) for field in cast("list[dict[str, object]]", self.schema["fields"])]
        return next((number for number, name in enumerate(names) if name not in _NAMES), len(names))

    @cached_property
    def least(self) -> int:
        """How many rows a block has at least."""
        fields = cast("list[dict[str, object]]", self.schema["fields"])
        return LEAST_KEYS if fields and fields[0]["name"] == "cache_key" else LEAST_ROWS

    def row_starts(self, data: bytes, count: int) -> Longs:
        """Where each of some encoded rows begins, and where the last ends: int64[count + 1].

        Raises:
            ValueError: These are not so many rows of this type.
        """
        if native.kernels is not None:
            return np.frombuffer(native.kernels.row_starts(data, count, self.code), np.int64)
        stream, parsed = io.BytesIO(data), fastavro.parse_schema(dict(self.schema))
        starts = [0]
        try:
            for _ in range(count):
                fastavro.schemaless_reader(stream, parsed, None)
                starts.append(stream.tell())
        except (EOFError, IndexError, ValueError) as error:
            raise self._not_rows(count) from error
        if starts[-1] != len(data):
            raise self._not_rows(count)
        return np.array(starts, np.int64)

    def cut(self, data: bytes, count: int) -> tuple[list[Block], int, bytes]:
        """Cuts encoded rows into blocks.

        Returns:
            The blocks, the number of rows that follow the last one, and these.

        Raises:
            ValueError: These are not so many rows of this type.
        """
        if native.kernels is not None:
            return native.kernels.cut(data, count, self.code, self.naming, self.least)
        blocks: list[Block] = []
        starts = self.row_starts(data, count).tolist()
        first = 0
        for row in range(count):
            rows, size = row + 1 - first, starts[row + 1] - starts[first]
            if _ends(rows, size, self.least, data[starts[row] : _name_end(data, starts[row], self.naming)]):
                blocks.append((rows, data[starts[first] : starts[row + 1]]))
                first = row + 1
        return blocks, count - first, data[starts[first] :]

    @staticmethod
    def _not_rows(count: int) -> ValueError:
        return ValueError(f"expected {count} rows of this type, and nothing behind them")


def cut(slabs: Iterable[Block], row_type: RowType) -> Iterator[Block]:
    """Encoded rows, given in slabs of any height, as blocks.

    Raises:
        ValueError: The rows are not of this type.
    """
    count, pending = 0, b""
    for height, data in slabs:
        count, pending = count + height, pending + data
        blocks, count, pending = row_type.cut(pending, count)
        yield from blocks
    if count:
        yield count, pending


def _ends(rows: int, size: int, least: int, name: bytes) -> bool:
    if rows >= MOST_ROWS or size >= MOST_BYTES:
        return True
    return rows >= least and (zlib.crc32(name) * _SPREAD & 0xFFFFFFFF) >> _SHIFT == 0


def _name_end(data: bytes, at: int, naming: int) -> int:
    """Where the fields end that name the row at this place: each is a 0 for null, or a 2, a length and a text."""
    for _ in range(naming):
        is_there = data[at] != 0
        at += 1
        if is_there:
            length, at = long(data, at)
            at += length
    return at


def _code(schema: object) -> bytes:
    """As bytes: l long, d double, b boolean, s string, a and its items, r, how many fields (uint16) and these."""
    if isinstance(schema, str):
        return _LEAVES[schema]
    described = cast("dict[str, object]", schema)
    if described["type"] == "array":
        return b"a" + _code(cast("list[object]", described["items"])[1])
    fields = cast("list[dict[str, object]]", described["fields"])
    members = [_code(cast("list[object]", field["type"])[1]) for field in fields]
    return b"r" + len(fields).to_bytes(2, "little") + b"".join(members)
