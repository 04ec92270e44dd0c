"""How frames travel between workers: Arrow IPC, compressed, instead of pickles.

Where all workers are on one machine, large elements stay on its disk, and only their path travels (claim check): the
local runner copies each byte that it passes on several times, in one process.
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

from transforms.beam.elements import Rejection, Summaries
from transforms.beam.stage_metrics import Stage
from transforms.kernels.batch.arrow_ipc import from_arrow, to_arrow
from transforms.kernels.batch.batch import Batch
from transforms.rules.export_rows import Group
from transforms.rules.fields import FieldSummary, GroupSummary
from transforms.rules.numbers import NumberSummary
from transforms.rules.strings import StringSummary

_shuffled = Stage("shuffle")
SPILL = "METADATA_ETL_SPILL"
"""Environment variable of a job's local workers: the folder for what they hand to each other."""
SPILL_BYTES = 16 * 1024
"""Elements smaller than this travel as they are."""
_INLINE, _ON_DISK = b"\x00", b"\x01"


@contextmanager
def spilling(folder: Path | None) -> Iterator[None]:
    """Lets large elements stay in a folder of this user, in this process and in those that it starts from here on.

    None lets them travel as they are, whatever the environment of the process says.
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
    """A batch as it came: decoded where it is looked at, and sent on as it is by steps that only pass it on."""

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
        """About how many bytes that is: Beam asks often, and would encode each batch to know."""
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
    """Encodes a Rejection as the tuple of its fields, which needs no pickling: there may be as many as records."""

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


class SummariesCoder(beam.coders.Coder):
    """Encodes Summaries, which may be thousands of small objects, as a pickle that holds of each its values alone."""

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
        """Equal summaries may have come about in different orders; they are values, never keys."""
        return False

    def to_type_hint(self) -> type[Summaries]:
        """What is encoded."""
        return Summaries


class _SummariesPickler(pickle.Pickler):
    """A dataclass with slots pickles itself by asking each time which fields it has."""

    def reducer_override(self, value: Any) -> Any:  # noqa: ANN401 - anything, and NotImplemented
        values = _VALUES.get(type(value))
        return NotImplemented if values is None else (type(value), values(value))


_VALUES: dict[type, Callable[[Any], tuple[object, ...]]] = {
    kind: attrgetter(*kind.__slots__) for kind in (GroupSummary, FieldSummary, NumberSummary, StringSummary)
}
_SUMMARY_BYTES = 512
"""About what the summary of a field takes."""
_PRIMITIVES = beam.coders.FastPrimitivesCoder()
_values = attrgetter(*Rejection.__slots__)

beam.coders.registry.register_coder(Batch, BatchCoder)
beam.coders.registry.register_coder(Rejection, RejectionCoder)
beam.coders.registry.register_coder(pl.DataFrame, FrameCoder)
beam.coders.registry.register_coder(Summaries, SummariesCoder)
