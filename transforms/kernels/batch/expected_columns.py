"""Tells damaged Arrow files from memory that runs out, for readers of stored columns."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from transforms.damage import damaged_file

_REFUSED = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)
"""Exceptions of pyarrow for bytes that are no Arrow IPC file, or an inconsistent one."""

_ASKED = re.compile(r"alloc of size (\d+) failed")
"""How many bytes pyarrow asked for in vain."""
_MOST_EXPANDED = 256
"""LZ4 makes no more than so many bytes of one."""


@dataclass(frozen=True, slots=True)
class ExpectedColumns:
    """The expected content of a stored file: digests do not protect against a file that was forged to crash readers.

    Attributes:
        uri: URI of the file, for the error.
        rows: Expected number of rows, None if it is not known.
        dtype: The expected type of a column by name; None for a column that such a file cannot have.
    """

    uri: str
    rows: int | None
    dtype: Callable[[str], pl.DataType | None]

    @contextmanager
    def reading(self, size: int = 0) -> Iterator[None]:
        """Turns errors of decoding within the block into a `DamagedFileError` that names the file.

        Args:
            size: The bytes that are decoded.

        Raises:
            DamagedFileError: They are not those of the expected file.
            MemoryError: There is not the memory that so many bytes may need.
        """
        try:
            yield
        except _REFUSED as error:
            if isinstance(error, MemoryError) and _is_needed(error, size):
                raise
            raise damaged_file(self.uri, f"{error or type(error).__name__}".partition("\n")[0]) from error


def _is_needed(error: MemoryError, size: int) -> bool:
    """Whether pyarrow asked for no more memory than so many bytes can need; else a damaged length has asked for it."""
    asked = _ASKED.search(f"{error}")
    return asked is None or int(asked[1]) <= size * _MOST_EXPANDED
