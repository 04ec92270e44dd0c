"""Reads the state files that the steps of a job write for later steps and for the next version."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import polars as pl

from transforms.damage import damaged_file
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.expected_columns import ExpectedColumns
from transforms.kernels.batch.group_columns import COLUMNS
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.state_files import StateFile
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules.export_rows import Group
from transforms.storage.stored_files import StoredFile
from transforms.storage.verified_files import verified

_REFUSED = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError),
    *(RecursionError, struct.error),
)
"""Exceptions that decoders raise for bytes that are not those of a state file."""
_ORIGIN = {"export_name": pl.String(), "offset": pl.Int64()}
"""Columns with the export and the byte offset of the record that a row was read from."""


def state_file(state: StoredFile) -> StateFile:
    """A state file with its base, if it has one; columns are decoded at first access.

    Raises:
        DamagedFileError: The bytes of the file or of its base are not those that were written. The methods of the
            result raise it too, for columns that such a file cannot have.
    """
    data, base = verified(state), b"" if state.base is None else verified(state.base)
    with parsing(state):
        files = [None if file is None else _stored(file) for file in (state, state.base)]
        return StateFile.of(data, state.records, base, *files)


def read_state(state: StoredFile) -> Batch:
    """The rows of a state file."""
    return state_file(state).batch()


def _stored(file: StoredFile) -> ExpectedColumns:
    """The expected columns of a state file, whose group is in its path."""
    group = file.path.split("/")[-2]
    if group not in COLUMNS:
        raise ValueError(f"expected rows of a group, got {group}")
    return ExpectedColumns(file.uri, file.records, partial(_dtype, group))


def _dtype(group: Group, name: str) -> pl.DataType | None:
    """The type of a column of a state file of a group; None for a column that it cannot have."""
    value = ValueColumn.of(name)
    return FORMS.get(value.form) if value else COLUMNS[group].get(name) or _ORIGIN.get(name)


@contextmanager
def parsing(file: StoredFile) -> Iterator[None]:
    """Turns errors of decoding into DamagedFileError: the digest is right, so somebody forged the file."""
    try:
        yield
    except _REFUSED as error:
        raise damaged_file(file.uri, f"{error or type(error).__name__}".partition("\n")[0]) from error
