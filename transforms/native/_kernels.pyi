from collections.abc import Sequence
from typing import TypeAlias

Buffer: TypeAlias = object

def shred(
    data: bytes,
    starts: bytes,
    ends: bytes,
    core: tuple[tuple[str, int, str], ...],
    reserved: tuple[str, ...],
    coordinates: tuple[tuple[str, float], ...],
    skip: bytes,
    most_fields: int,
    /,
) -> tuple[
    bytes,
    list[tuple[bytes | None, bytes, bytes]],
    list[tuple[str, int, tuple[bytes | None, bytes, bytes]]],
]: ...
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
    row_type: bytes,
    naming: int,
    least: int,
    /,
) -> tuple[list[tuple[int, bytes]], int, bytes]: ...
