"""Reads and encodes what steps of a job leave beside state files: changes, summaries and counts of their rows."""

from collections.abc import Mapping

import msgspec
import orjson

from transforms.kernels.publish.changed_rows import Changes
from transforms.kernels.publish.insights import CountedJson, grid_of
from transforms.rules.export_rows import Group
from transforms.rules.fields import GroupSummary
from transforms.rules.summary_json import GroupJson, group_from_json, group_to_json
from transforms.storage.states import parsing
from transforms.storage.stored_files import StoredFile
from transforms.storage.verified_files import verified

_SUMMARIES = msgspec.json.Decoder(dict[Group, GroupJson])
_COUNTED = msgspec.json.Decoder(dict[Group, CountedJson])


def read_changes(file: StoredFile) -> Changes:
    """The changes of a job to a state file, from the file that the merge wrote."""
    return Changes.from_bytes(bytes(verified(file)))


def read_summaries(file: StoredFile) -> dict[Group, GroupSummary]:
    """Group to the summary of the rows of a partition.

    Raises:
        DamagedFileError: The bytes are not those that were written.
    """
    data = verified(file)
    with parsing(file):
        return {group: group_from_json(summary) for group, summary in _SUMMARIES.decode(data).items()}


def summaries_data(summaries: Mapping[str, GroupSummary]) -> bytes:
    """The bytes of a file of summaries, for `read_summaries`."""
    return _data({group: group_to_json(summary) for group, summary in sorted(summaries.items())})


def read_counted(file: StoredFile) -> dict[Group, CountedJson]:
    """Group to the counts of the rows of a partition, for the insights page (`Counted.document`).

    Raises:
        DamagedFileError: The bytes are not those that were written.
    """
    data = verified(file)
    with parsing(file):
        stored = _COUNTED.decode(data)
        for counted in stored.values():
            grid_of(counted["grid"])
        return stored


def counted_data(counted: Mapping[Group, CountedJson]) -> bytes:
    """The bytes of a file of counts, for `read_counted`."""
    return _data(dict(sorted(counted.items())))


def _data(document: object) -> bytes:
    return orjson.dumps(document)
