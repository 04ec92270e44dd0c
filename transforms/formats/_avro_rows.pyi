from typing import TypeAlias

Buffer: TypeAlias = bytes | memoryview

def encode(
    height: int,
    per_block: int,
    columns: list[tuple[int, int, bool, Buffer, Buffer, Buffer]],
) -> list[bytes]: ...
def row_starts(data: Buffer, count: int, row_type: bytes, /) -> bytes: ...
