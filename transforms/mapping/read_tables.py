"""Reads a table in whatever format it is: told from content (F2)."""

from collections.abc import Iterator

from transforms.mapping.csv_tables import read_csv
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.maps import SourceFile
from transforms.mapping.tables import TableBatch


def read_table(source: SourceFile, text: CsvOptions) -> Iterator[TableBatch]:
    """The rows of a table, or those of the byte range of one.

    Raises:
        Unreadable: The remainder cannot be read (R2).
    """
    if source.start == 0:
        with source.open() as stream:
            yield from read_csv(stream, text)
