"""Reads a table in whatever format it is, which its content tells, not its name (F2)."""

import sys
from collections.abc import Iterator
from itertools import islice
from typing import Final

from transforms.formats.chunks import Unreadable
from transforms.mapping.arrow_tables import parquet_rows, read_arrow, read_parquet
from transforms.mapping.csv_tables import BLOCK_BYTES, read_csv
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.maps import SourceFile, open_source
from transforms.mapping.tables import TableBatch
from transforms.storage.stored_files import refusals

_PARQUET: Final = b"PAR1"
_PARQUET_ENCRYPTED: Final = b"PARE"
_ARROW_FILE: Final = b"ARROW1"
_ARROW_STREAM: Final = b"\xff\xff\xff\xff"
_FEATHER_1: Final = b"FEA1"
_FIRST_BYTES: Final = 256 * 1024


def table_format(head: bytes) -> str | None:
    """The format of a table that begins with `head`, if that is no text: `parquet` or `arrow`."""
    if head.startswith(_PARQUET):
        return "parquet"
    return "arrow" if head.startswith((_ARROW_FILE, _ARROW_STREAM)) else None


def rows_in_footer(source: SourceFile) -> int:
    """How many rows a Parquet file says it has; 0 if it is damaged, which its reading tells."""
    with source.open_to_seek() as stream:
        return parquet_rows(stream)


def table_columns(uri: str, text: CsvOptions) -> list[str] | None:
    """The names of the columns of a table; None as of `first_rows`."""
    first = first_rows(uri, text)
    return None if first is None else list(first.columns)


def first_rows(uri: str, text: CsvOptions) -> TableBatch | None:
    """Some rows of a table, if it has any; None if the file is no table, or cannot be read, which its reading tells."""
    try:
        with open_source(uri) as stream:
            head = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        if head[:1] in (b"{", b"[") or head.startswith(b"Obj\x01"):
            return None
        found = None
        for found in islice(read_table(SourceFile.whole(uri), text, block_bytes=_FIRST_BYTES), 2):
            if len(found):
                break
    except (Unreadable, *refusals()):  # type: ignore[misc] # mypy does not look into a tuple like that
        return None
    return found


def read_table(source: SourceFile, text: CsvOptions, *, block_bytes: int = BLOCK_BYTES) -> Iterator[TableBatch]:
    """The rows of a table, or those of the byte range of one: CSV, TSV, Parquet, an Arrow file or stream.

    Raises:
        Unreadable: It is no table, or its remainder cannot be read (R2).
    """
    with source.open() as stream:
        head, is_seekable = stream.read(64), stream.seekable()
    if head.startswith(_PARQUET) and is_seekable:
        with source.open() as stream:
            yield from read_parquet(stream, source.start, source.stop)
    elif source.start:
        return  # the range that begins the file reads all of it
    elif head.startswith(_PARQUET):
        with source.open_to_seek() as stream:
            yield from read_parquet(stream, 0, sys.maxsize)
    elif head.startswith(_ARROW_FILE):
        with source.open_to_seek() as stream:
            yield from read_arrow(stream, is_file=True)
    elif head.startswith(_ARROW_STREAM):
        with source.open() as stream:
            yield from read_arrow(stream, is_file=False)
    elif head.startswith(_PARQUET_ENCRYPTED):
        raise Unreadable("expected a table, got Parquet that is encrypted; write it without encryption")
    elif head.startswith(_FEATHER_1):
        raise Unreadable("expected a table, got Feather of version 1; write it as Parquet, or as Feather of version 2")
    elif head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        raise Unreadable(
            "expected a table (CSV, TSV, Parquet, Arrow), got JSON; if these are native records leave --map out, else "
            "give a map file"
        )
    else:
        with source.open() as stream:
            yield from read_csv(stream, text, block_bytes=block_bytes)
