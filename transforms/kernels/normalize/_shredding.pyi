def shred(
    data: bytes,
    starts: bytes,
    ends: bytes,
    core: tuple[tuple[str, int, str], ...],
    reserved: tuple[str, ...],
    coordinates: tuple[tuple[str, float], ...],
    skip: bytes,
    most_fields: int,
) -> tuple[
    bytes,
    list[tuple[bytes | None, bytes, bytes]],
    list[tuple[str, int, tuple[bytes | None, bytes, bytes]]],
]: ...
