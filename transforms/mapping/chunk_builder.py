"""Collects the records that a map makes one by one into chunks, with their bytes and places in the source (R1)."""

from typing import Final

import numpy as np

from transforms.formats.chunks import Chunk, RefusedRecord, SetAside
from transforms.formats.lines import HEAD_BYTES
from transforms.mapping.json_columns import encode
from transforms.mapping.values import Values
from transforms.raw_records import RawRecords
from transforms.rules.limits import MIB
from transforms.rules.rejections import Code, Fault, shown

CHUNK_BYTES: Final = 16 * MIB
CHUNK_RECORDS: Final = 100_000
"""A chunk ends with the record that reaches this number of bytes or records."""


class ChunkBuilder:
    """Takes records in the order of the source; `made` gives the chunk and begins the next one."""

    def __init__(self) -> None:
        """Begins the first chunk."""
        self._clear()

    def _clear(self) -> None:
        self.byte_count = 0
        self._records: list[bytes] = []
        self._sources: list[bytes] = []
        self._lines: list[int] = []
        self._offsets: list[int] = []
        self._refused: list[RefusedRecord] = []
        self._set_aside: dict[str, SetAside] = {}

    def add(self, record: Values, source: bytes, *, line: int, offset: int) -> None:
        """Adds a record that was made of the bytes `source` at a place, as `Map.chunks` says."""
        self.add_text(encode(record).encode("utf-8", "surrogatepass"), source, line=line, offset=offset)

    def add_text(self, text: bytes, source: bytes, *, line: int, offset: int) -> None:
        """Adds a record that is JSON text already; as `add`."""
        self._records.append(text)
        self._sources.append(source)
        self._lines.append(line)
        self._offsets.append(offset)
        self.byte_count += len(text) + len(source)

    def refuse(
        self,
        message: str,
        source: bytes,
        *,
        line: int,
        offset: int,
        code: Code = Code.MALFORMED_JSON,
        field: str | None = None,
        reference_id: str | None = None,
    ) -> None:
        """Adds a record that cannot be made: it is rejected alone, with a message `expected ..., got ...`."""
        head = source[:HEAD_BYTES] if len(source) > CHUNK_BYTES else source
        self._refused.append(
            RefusedRecord(
                offset=offset,
                line=line,
                length=len(source),
                head=head,
                fault=Fault(code, message, field),
                reference_id=reference_id,
            )
        )
        self.byte_count += len(head)

    def set_aside(self, name: str, value: object, *, line: int, offset: int, count: int = 1) -> None:
        """Counts a part of a record, or of the whole source, that the map does not take and nobody excluded."""
        known = self._set_aside.get(name)
        if known is None:
            self._set_aside[name] = SetAside(name, count, line, offset, shown(value))
        else:
            self._set_aside[name] = SetAside(name, known.count + count, known.line, known.offset, known.value)

    @property
    def is_full(self) -> bool:
        """Whether the chunk is to be taken before the next record."""
        return self.byte_count >= CHUNK_BYTES or len(self._records) + len(self._refused) >= CHUNK_RECORDS

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take."""
        return not (self._records or self._refused or self._set_aside)

    def made(self, byte_count: int | None = None) -> Chunk:
        """The chunk, of so many bytes of the source; then the next one begins."""
        chunk = Chunk(
            records=RawRecords.of(self._records),
            offsets=np.array(self._offsets, np.int64),
            lines=np.array(self._lines, np.int64),
            first_line=0,
            line_count=0,
            byte_count=self.byte_count if byte_count is None else byte_count,
            refused=tuple(self._refused),
            sources=self._sources,
            set_aside=tuple(self._set_aside.values()),
        )
        self._clear()
        return chunk
