"""Beam coders for raw chunks, batches, frames, rejections and summaries: mostly compressed Arrow IPC.

If all workers run on one machine, elements of at least SPILL_BYTES are written to a file in its spill folder, and only
the path is passed on (the claim-check pattern): the local runner copies each byte of an element several times in one
process.
"""

import io
import os
import pickle
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import apache_beam as beam
import polars as pl

from transforms.beam.stage_metrics import Stage
from transforms.kernels.batch.arrow_ipc import from_arrow, to_arrow
from transforms.kernels.batch.batch import Batch
from transforms.rules.export_rows import Group
from transforms.rules.fields import FieldSummary, GroupSummary
from transforms.rules.numbers import NumberSummary
from transforms.rules.strings import StringSummary
from transforms.stages.elements import RawChunk, Rejection, Summaries
from transforms.stages.rejections import Rejections

_shuffled = Stage("shuffle")
SPILL = "METADATA_ETL_SPILL"
"""Environment variable of local workers: the folder for elements that they pass to each other as files."""
SPILL_BYTES = 16 * 1024
"""Smaller elements are passed on inline."""
_INLINE, _ON_DISK = b"\x00", b"\x01"


@contextmanager
def spilling(folder: Path | None) -> Iterator[None]:
    """Sets the spill folder for this process and the processes that it starts within the block.

    Args:
        folder: Created with access for this user alone. None passes all elements inline, and overrides a folder that
            the environment of this process names.
    """
    before = os.environ.pop(SPILL, None)
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[SPILL] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(SPILL, None)
        if before is not None:
            os.environ[SPILL] = before


def _sent(data: bytes) -> bytes:
    folder = os.environ.get(SPILL)
    if folder is None or len(data) < SPILL_BYTES:
        return _INLINE + data
    path = Path(folder, uuid.uuid4().hex)
    path.write_bytes(data)
    return _ON_DISK + os.fsencode(path)


def _received(encoded: bytes) -> bytes:
    return Path(os.fsdecode(encoded[1:])).read_bytes() if encoded[:1] == _ON_DISK else encoded[1:]


class _ReceivedBatch(Batch):
    """A received batch that is decoded at first access; a step that only passes it on sends the same bytes."""

    __slots__ = ("_whole", "encoded")
    encoded: bytes
    _whole: Batch | None

    def __init__(self, encoded: bytes) -> None:
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "_whole", None)

    def _decoded(self) -> Batch:
        whole = self._whole
        if whole is None:
            whole = Batch.from_bytes(_received(self.encoded))
            object.__setattr__(self, "_whole", whole)
        return whole

    @property
    def group(self) -> Group:
        return self._decoded().group

    @property
    def rows(self) -> pl.DataFrame:
        return self._decoded().rows

    @property
    def cells(self) -> pl.DataFrame:
        return self._decoded().cells


class BatchCoder(beam.coders.Coder):
    """Encodes a Batch as `Batch.to_bytes` writes it."""

    def encode(self, value: Batch) -> bytes:
        """The bytes of a batch."""
        if isinstance(value, _ReceivedBatch):
            return value.encoded
        (data,) = _shuffled.timed(value.to_bytes() for _ in range(1))
        _shuffled.count(records=value.rows.height, byte_count=len(data))
        return _sent(data)

    def estimate_size(self, value: Batch) -> int:
        """The approximate number of bytes: Beam asks often, and would otherwise encode the batch each time."""
        if isinstance(value, _ReceivedBatch):
            return len(value.encoded)
        return int(value.rows.estimated_size() + value.cells.estimated_size())

    def decode(self, encoded: bytes) -> Batch:
        """The batch of these bytes."""
        return _ReceivedBatch(encoded)

    def is_deterministic(self) -> bool:
        """Batches are values, never keys; the same rows in the same columns give the same bytes."""
        return True

    def to_type_hint(self) -> type[Batch]:
        """What is encoded."""
        return Batch


class FrameCoder(beam.coders.Coder):
    """Encodes a polars DataFrame as an Arrow IPC file."""

    def encode(self, value: pl.DataFrame) -> bytes:
        """The bytes of a frame."""
        return _sent(to_arrow(value))

    def estimate_size(self, value: pl.DataFrame) -> int:
        """As for batches."""
        return int(value.estimated_size())

    def decode(self, encoded: bytes) -> pl.DataFrame:
        """The frame of these bytes."""
        return from_arrow(_received(encoded))

    def is_deterministic(self) -> bool:
        """As for batches."""
        return True

    def to_type_hint(self) -> type[pl.DataFrame]:
        """What is encoded."""
        return pl.DataFrame


class RejectionCoder(beam.coders.Coder):
    """Encodes a Rejection, of which `NormalizeRecords` gives each, as the tuple of its fields: faster than a pickle."""

    def encode(self, value: Rejection) -> bytes:
        """The bytes of a rejection."""
        encoded: bytes = _PRIMITIVES.encode(_values(value))
        return encoded

    def decode(self, encoded: bytes) -> Rejection:
        """The rejection of these bytes."""
        return Rejection(*_PRIMITIVES.decode(encoded))

    def is_deterministic(self) -> bool:
        """As for batches."""
        return True

    def to_type_hint(self) -> type[Rejection]:
        """What is encoded."""
        return Rejection


class RejectionsCoder(beam.coders.Coder):
    """Encodes Rejections as the Arrow IPC file of their frame."""

    def encode(self, value: Rejections) -> bytes:
        """The bytes of rejections."""
        return _sent(to_arrow(value.frame))

    def estimate_size(self, value: Rejections) -> int:
        """As for batches."""
        return int(value.frame.estimated_size())

    def decode(self, encoded: bytes) -> Rejections:
        """The rejections of these bytes."""
        return Rejections(from_arrow(_received(encoded)))

    def is_deterministic(self) -> bool:
        """As for batches."""
        return True

    def to_type_hint(self) -> type[Rejections]:
        """What is encoded."""
        return Rejections


class RawChunkCoder(beam.coders.Coder):
    """Encodes a RawChunk as a pickle; the next step reads it in the same process, where only its size is asked for."""

    def encode(self, value: RawChunk) -> bytes:
        """The bytes of a chunk."""
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def estimate_size(self, value: RawChunk) -> int:
        """As for batches: chunks are all bytes of the exports."""
        return value.byte_count

    def decode(self, encoded: bytes) -> RawChunk:
        """The chunk of these bytes."""
        chunk: RawChunk = pickle.loads(encoded)  # noqa: S301 - likewise our own
        return chunk

    def is_deterministic(self) -> bool:
        """Chunks are values, never keys."""
        return False

    def to_type_hint(self) -> type[RawChunk]:
        """What is encoded."""
        return RawChunk


class SummariesCoder(beam.coders.Coder):
    """Encodes Summaries, which may be thousands of small objects, as a pickle of their field values only."""

    def encode(self, value: Summaries) -> bytes:
        """The bytes of summaries."""
        out = io.BytesIO()
        _SummariesPickler(out, pickle.HIGHEST_PROTOCOL).dump(value)
        return out.getvalue()

    def estimate_size(self, value: Summaries) -> int:
        """As for batches."""
        return sum(len(summary.fields) for summary in value.values()) * _SUMMARY_BYTES

    def decode(self, encoded: bytes) -> Summaries:
        """The summaries of these bytes."""
        return cast("Summaries", pickle.loads(encoded))  # noqa: S301 - our own, as Beam pickles what has no coder

    def is_deterministic(self) -> bool:
        """Not deterministic: equal summaries may have been merged in different orders. They are values, never keys."""
        return False

    def to_type_hint(self) -> type[Summaries]:
        """What is encoded."""
        return Summaries


class _SummariesPickler(pickle.Pickler):
    """Pickles the dataclasses of _VALUES by their values; the default looks their fields up for each object."""

    def reducer_override(self, value: Any) -> Any:  # noqa: ANN401 - anything, and NotImplemented
        values = _VALUES.get(type(value))
        return NotImplemented if values is None else (type(value), values(value))


_VALUES: dict[type, Callable[[Any], tuple[object, ...]]] = {
    kind: attrgetter(*kind.__slots__) for kind in (GroupSummary, FieldSummary, NumberSummary, StringSummary)
}
_SUMMARY_BYTES = 512
"""Approximate bytes of the summary of one field."""
_PRIMITIVES = beam.coders.FastPrimitivesCoder()
_values = attrgetter(*Rejection.__slots__)

beam.coders.registry.register_coder(Batch, BatchCoder)
beam.coders.registry.register_coder(RawChunk, RawChunkCoder)
beam.coders.registry.register_coder(Rejection, RejectionCoder)
beam.coders.registry.register_coder(Rejections, RejectionsCoder)
beam.coders.registry.register_coder(pl.DataFrame, FrameCoder)
beam.coders.registry.register_coder(Summaries, SummariesCoder)
