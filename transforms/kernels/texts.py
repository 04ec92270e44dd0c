"""Columns of texts as the C extensions take them."""

import polars as pl


def buffers(texts: pl.Series) -> tuple[memoryview, memoryview]:
    """The offsets (N + 1 int64) and the bytes of a String or Binary array of shape (N,) without nulls.

    The bytes are those of an array that this one may be a part of: the offsets say from where on they count.
    """
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    first, last = array.offset * 8, (array.offset + len(array) + 1) * 8
    if offsets is None:  # a column without rows
        return memoryview(b"\0" * 8), memoryview(b"")
    return memoryview(offsets)[first:last], memoryview(b"" if data is None else data)
