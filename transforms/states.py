"""State files: what the steps of a job leave for later steps and for the next version, read back."""

from collections.abc import Mapping
from typing import cast

import orjson

from transforms.kernels.batch import Batch
from transforms.kernels.changes import Changes
from transforms.kernels.state_files import StateFile
from transforms.rules.export_rows import Group
from transforms.rules.fields import GroupSummary
from transforms.rules.summary_json import GroupJson, group_from_json, group_to_json
from transforms.rules.values import JsonObject
from transforms.stored_files import StoredFile, mapped, read_bytes

BASES = "state/base/"
"""Folder in a version, by group: what the state files of the same numbers are laid over."""


def state_file(state: StoredFile) -> StateFile:
    """A state file, of which nothing is decoded yet."""
    return StateFile.of(mapped(state.uri), state.records, b"" if state.base is None else mapped(state.base.uri))


def read_state(state: StoredFile) -> Batch:
    """The rows of a state file."""
    return state_file(state).batch()


def read_changes(file: StoredFile) -> Changes:
    """What a job changes in a state file."""
    return Changes.from_bytes(read_bytes(file.uri))


def read_summaries(file: StoredFile) -> dict[Group, GroupSummary]:
    """Group to the summary of the rows of a partition."""
    stored = cast("dict[Group, GroupJson]", orjson.loads(read_bytes(file.uri)))
    return {group: group_from_json(summary) for group, summary in stored.items()}


def summaries_data(summaries: Mapping[str, GroupSummary]) -> bytes:
    """What `read_summaries` reads."""
    return _data({group: group_to_json(summary) for group, summary in sorted(summaries.items())})


def read_counted(file: StoredFile) -> dict[Group, JsonObject]:
    """Group to what was counted of the rows of a partition."""
    return cast("dict[Group, JsonObject]", orjson.loads(read_bytes(file.uri)))


def counted_data(counted: Mapping[Group, JsonObject]) -> bytes:
    """What `read_counted` reads."""
    return _data(dict(sorted(counted.items())))


def _data(document: object) -> bytes:
    return orjson.dumps(document)
