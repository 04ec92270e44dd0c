"""How frames travel between workers: Arrow IPC, compressed, instead of pickles."""

import io

import apache_beam as beam
import polars as pl

from transforms.kernels.batch import Batch


class BatchCoder(beam.coders.Coder):
    """Encodes a Batch as `Batch.to_bytes` writes it."""

    def encode(self, value: Batch) -> bytes:
        """The bytes of a batch."""
        return value.to_bytes()

    def decode(self, encoded: bytes) -> Batch:
        """The batch of these bytes."""
        return Batch.from_bytes(encoded)

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
        out = io.BytesIO()
        value.write_ipc(out, compression="lz4")
        return out.getvalue()

    def decode(self, encoded: bytes) -> pl.DataFrame:
        """The frame of these bytes."""
        return pl.read_ipc(encoded)

    def is_deterministic(self) -> bool:
        """As for batches."""
        return True

    def to_type_hint(self) -> type[pl.DataFrame]:
        """What is encoded."""
        return pl.DataFrame


beam.coders.registry.register_coder(Batch, BatchCoder)
beam.coders.registry.register_coder(pl.DataFrame, FrameCoder)
