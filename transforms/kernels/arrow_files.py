"""Frames as Arrow IPC files, and back: what travels between workers, and what state files are made of.

Written and read by pyarrow, which does both in about half the time that polars takes for frames of some thousand rows.
"""

import io
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Codec: TypeAlias = Literal["lz4", "zstd"]

_OPTIONS = {
    "lz4": pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False),
    # Level 1: within one per cent as small as the usual level 3 for such columns, in less time.
    "zstd": pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1), use_threads=False),
}
_NUL = "\0"
"""A metadata key may hold it (V9), but no name that passes from polars to pyarrow: such frames stay with polars."""
_READ = pa.ipc.IpcReadOptions(use_threads=False)


def to_arrow(frame: pl.DataFrame, codec: Codec) -> bytes:
    """The frame as an Arrow IPC file of one record batch; the same bytes for the same values in the same layout."""
    if any(_NUL in name for name in frame.columns):
        out = io.BytesIO()
        frame.write_ipc(out, compression=codec, compat_level=pl.CompatLevel.oldest())
        return out.getvalue()
    # Without string views: how those lie in memory depends on the order in which rows came together (P3).
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=_OPTIONS[codec]) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def from_arrow(data: bytes | memoryview, rows: npt.NDArray[np.int64] | None = None) -> pl.DataFrame:
    """The frame of an Arrow IPC file, or some of its rows alone, given by their numbers: int64[N]."""
    file = pa.ipc.open_file(pa.py_buffer(data), options=_READ)
    if any(_NUL in name for name in file.schema.names):
        whole = pl.read_ipc(bytes(data))
        return whole if rows is None else whole[rows]
    table = file.read_all()
    frame = pl.from_arrow(table if rows is None else table.take(pa.array(rows)))
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"expected a table, got {type(frame)}")
    return frame
