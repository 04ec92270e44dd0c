"""State files: what the steps of a job leave for later steps and for the next version, read back."""

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import cast

import msgspec
import orjson
import polars as pl

from transforms.beam.stored_files import StoredFile
from transforms.beam.verified_files import verified
from transforms.damage import damaged_file
from transforms.kernels.batch.arrow_ipc import Stored
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.state_files import StateFile
from transforms.kernels.batch.value_columns import form_and_key
from transforms.kernels.normalize.columns import COLUMNS
from transforms.kernels.publish.changed_rows import Changes
from transforms.kernels.publish.insights import CountedJson, grid_of
from transforms.rules.export_rows import Group
from transforms.rules.fields import GroupSummary
from transforms.rules.summary_json import GroupJson, group_from_json, group_to_json
from transforms.rules.values import JsonObject, JsonValue

_REFUSED = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError),
    *(RecursionError, struct.error),
)
"""What comes of bytes that do not hold what they should."""
_ORIGIN = {"export_name": pl.String(), "offset": pl.Int64()}
"""Columns that say where a row came from."""
_SUMMARIES = msgspec.json.Decoder(dict[Group, GroupJson])
_COUNTED = msgspec.json.Decoder(dict[Group, CountedJson])
BASES = "state/base/"
"""Folder in a version, by group: what the state files of the same numbers are laid over."""


def state_file(state: StoredFile) -> StateFile:
    """A state file, of which nothing is decoded yet.

    Raises:
        DamagedFileError: It, or what it is laid over, is not what was written. What is decoded later raises it too.
    """
    data, base = verified(state), b"" if state.base is None else verified(state.base)
    with _parsing(state):
        files = [None if file is None else _stored(file) for file in (state, state.base)]
        return StateFile.of(data, state.records, base, *files)


def read_state(state: StoredFile) -> Batch:
    """The rows of a state file."""
    return state_file(state).batch()


def read_changes(file: StoredFile) -> Changes:
    """What a job changes in a state file."""
    return Changes.from_bytes(bytes(verified(file)))


def read_summaries(file: StoredFile) -> dict[Group, GroupSummary]:
    """Group to the summary of the rows of a partition.

    Raises:
        DamagedFileError: The file is not what was written.
    """
    data = verified(file)
    with _parsing(file):
        return {group: group_from_json(summary) for group, summary in _SUMMARIES.decode(data).items()}


def summaries_data(summaries: Mapping[str, GroupSummary]) -> bytes:
    """What `read_summaries` reads."""
    return _data({group: group_to_json(summary) for group, summary in sorted(summaries.items())})


def read_counted(file: StoredFile) -> dict[Group, JsonObject]:
    """Group to what was counted of the rows of a partition.

    Raises:
        DamagedFileError: The file is not what was written.
    """
    data = verified(file)
    with _parsing(file):
        stored = _COUNTED.decode(data)
        for counted in stored.values():
            grid_of(cast("JsonValue", counted["grid"]))
        return cast("dict[Group, JsonObject]", stored)


def counted_data(counted: Mapping[Group, JsonObject]) -> bytes:
    """What `read_counted` reads."""
    return _data(dict(sorted(counted.items())))


def _data(document: object) -> bytes:
    return orjson.dumps(document)


def _stored(file: StoredFile) -> Stored:
    """What the columns of a state file have to be like; its path says of which group it is."""
    group = file.path.split("/")[-2]
    if group not in COLUMNS:
        raise ValueError(f"expected rows of a group, got {group}")
    return Stored(file.uri, file.records, partial(_dtype, group))


def _dtype(group: Group, name: str) -> pl.DataType | None:
    """The type of a column of a state file of a group; None for a column that it cannot have."""
    value = form_and_key(name)
    return FORMS.get(value[0]) if value else COLUMNS[group].get(name) or _ORIGIN.get(name)


@contextmanager
def _parsing(file: StoredFile) -> Iterator[None]:
    """A file with the right digest that does not hold what it should is one that somebody prepared."""
    try:
        yield
    except _REFUSED as error:
        raise damaged_file(file.uri, f"{error or type(error).__name__}".partition("\n")[0]) from error
