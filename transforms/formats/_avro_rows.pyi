from collections.abc import Sequence
from typing import TypeAlias

Buffer: TypeAlias = object

def encode(
    height: int,
    naming: int,
    least: int,
    columns: Sequence[tuple[int, int, bool, Buffer, Buffer, Buffer]],
    /,
) -> list[tuple[int, bytes]]: ...
def row_starts(data: Buffer, count: int, row_type: bytes, /) -> bytes: ...
def cut(
    data: Buffer,
    count: int,
    is_last: bool,
    row_type: bytes,
    naming: int,
    least: int,
    carried: int = ...,
    first: int = ...,
    gone: Buffer = ...,
    rows: Buffer = ...,
    bounds: Buffer = ...,
    before: Buffer = ...,
    /,
) -> tuple[list[tuple[int, bytes]], int, bytes]: ...
def restated(data: Buffer, count: int, row_type: bytes, field: int, was: bytes, now: bytes, /) -> bytes: ...
def framed(count: int, rows: Buffer, compressed: Buffer, marker: bytes, /) -> bytes: ...
def blocks(data: Buffer, start: int, marker: bytes, /) -> bytes: ...
