"""Loads the files of the published version that a job builds on, without damaged ones that it rebuilds (P7)."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from pipelines.dataset.documents.paths import INSIGHTS, SCHEMA
from pipelines.dataset.documents.types import SchemaJson
from pipelines.dataset.documents.writing import document_text, schema_document
from pipelines.dataset.versions import Version
from transforms.damage import damaged_file, is_rebuilt
from transforms.errors import DamagedFileError
from transforms.kernels.summarize.fields import summarize
from transforms.rules import declared as declarations
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.fields import GROUP_ZERO, GroupSummary, merge_groups
from transforms.rules.schema_json import FieldJson, StoredFieldJson
from transforms.stages.elements import PublishedFiles, Summaries
from transforms.stages.infer_schema import SchemaOptions, resolve
from transforms.storage.states import read_state
from transforms.storage.stored_files import StoredFile, is_local, object_sizes
from transforms.storage.summaries import read_summaries
from transforms.storage.verified_files import fault_of, size_fault

_AT_ONCE = 4
"""Files that are hashed at the same time."""


@dataclass(frozen=True, slots=True)
class PublishedState:
    """The state of the published version that a job builds on.

    Attributes:
        files: The files of the published version.
        schema: Its `schema.json`, rebuilt from the summaries if it is damaged.
    """

    files: PublishedFiles
    schema: SchemaJson

    @classmethod
    def of(
        cls, version: Version, limits: Mapping[Group, Mapping[str, int]] | None = None, *, by_hash: bool = False
    ) -> Self:
        """The state of a version; the sizes of all files are verified, digests only of files that are read here.

        Args:
            version: The published version.
            limits: Group to field to the limit on counted distinct strings, if it is not the default (D3).
            by_hash: Whether all files are verified by their digests.

        Raises:
            DamagedFileError: A file is damaged, and cannot be rebuilt.
        """
        damaged = _damaged([file for files in version.parts.values() for file in files.values()], by_hash=by_hash)
        damaged += [
            file.path for file in version.files(INSIGHTS).values() if file.path not in damaged and fault_of(file)
        ]

        def files(kind: str) -> dict[int, StoredFile]:
            return {number: file for number, file in version.files(kind).items() if file.path not in damaged}

        summaries = files("state/summaries")
        states = _by_partition(version.states)
        schema, is_made = _schema(version, states, summaries, limits or {})
        return cls(
            PublishedFiles(
                version=version.number,
                states=states,
                summaries=summaries,
                rows=_by_partition(files),
                insights=files("state/insights"),
                keys=files("cache_keys"),
                key_uses=files("state/cache_keys"),
                fields=_deciding(schema),
                damaged=sorted({*damaged, *((SCHEMA,) if is_made else ())}),
            ),
            schema,
        )

    @classmethod
    def of_keys(cls, version: Version, *, by_hash: bool = False) -> PublishedFiles:
        """The state that a backfill builds on: which URLs earlier versions listed (K2).

        Raises:
            DamagedFileError: As `of`.
        """
        kinds = ("cache_keys", "state/cache_keys")
        damaged = _damaged([file for kind in kinds for file in version.files(kind).values()], by_hash=by_hash)
        keys = {number: file for number, file in version.files(kinds[0]).items() if file.path not in damaged}
        return PublishedFiles(version=version.number, keys=keys, key_uses=version.files(kinds[1]), damaged=damaged)


def faults(files: Sequence[StoredFile], *, by_hash: bool) -> Iterator[tuple[StoredFile, str]]:
    """Finds damaged files, each with a reason.

    Args:
        files: Of one version.
        by_hash: Whether to verify digests, or only sizes.
    """
    if by_hash:
        with ThreadPoolExecutor(_AT_ONCE) as workers:
            found = list(workers.map(fault_of, files))
    else:
        sizes = _sizes(files)
        found = [size_fault(file, sizes.get(file.uri)) for file in files]
    yield from ((file, fault) for file, fault in zip(files, found, strict=True) if fault is not None)


def _damaged(files: Sequence[StoredFile], *, by_hash: bool) -> list[str]:
    """The paths of damaged files that can be rebuilt; raises DamagedFileError for one that cannot."""
    damaged = []
    for file, fault in faults(files, by_hash=by_hash):
        if file.path.startswith(("rejections/", "uploads/")):
            continue  # of the job that published the version; the next job writes its own
        if not is_rebuilt(file.path):
            raise damaged_file(file.uri, fault)
        damaged.append(file.path)
    return damaged


def _sizes(files: Sequence[StoredFile]) -> dict[str, int]:
    """The sizes in bytes of the files that exist, by URI."""
    sizes: dict[str, int] = {}
    folders = {file.uri.removesuffix(file.path) for file in files if not is_local(file.uri)}
    for folder in folders:  # one listing: a request for each file would take long
        sizes |= object_sizes(folder)
    for file in files:
        if is_local(file.uri):
            with suppress(OSError):
                status = os.stat(file.uri, follow_symlinks=False)  # noqa: PTH116 - a Path for each of thousands takes longer
                if stat.S_ISREG(status.st_mode):
                    sizes[file.uri] = status.st_size
    return sizes


def _schema(
    version: Version,
    states: Mapping[int, Mapping[Group, StoredFile]],
    summaries: Mapping[int, StoredFile],
    limits: Mapping[Group, Mapping[str, int]],
) -> tuple[SchemaJson, bool]:
    """`schema.json`, and whether it was rebuilt from the summaries; raises if that gives other bytes than published."""
    try:
        return version.schema(), False
    except DamagedFileError:
        merged = Summaries()
        for number, files in states.items():
            for group, summary in _summaries(files, summaries.get(number), limits).items():
                merged[group] = merge_groups(merged.get(group, GROUP_ZERO), summary)
        options = SchemaOptions(
            sticky_text=version.sticky_text,
            declared=declarations.parse(version.manifest["declared"]),
        )
        schema = schema_document(version.number, resolve(merged, options)["groups"])
        if hashlib.sha256(document_text(schema)).hexdigest() != version.manifest["schema_fingerprint"]:
            raise
        return schema, True


def _summaries(
    states: Mapping[Group, StoredFile], file: StoredFile | None, limits: Mapping[Group, Mapping[str, int]]
) -> Mapping[Group, GroupSummary]:
    """The summaries of a partition, rebuilt from its rows if they are damaged."""
    with suppress(DamagedFileError):
        if file is not None:
            return read_summaries(file)
    return {group: summarize(read_state(state), limits.get(group, {})) for group, state in states.items()}


def _deciding(schema: SchemaJson) -> dict[Group, dict[str, StoredFieldJson]]:
    groups = schema["groups"]
    return {group: {key: _stored(field) for key, field in groups[group]["fields"].items()} for group in GROUPS}


def _stored(field: FieldJson) -> StoredFieldJson:
    """Only what decides how values are written and counted: every worker gets it."""
    return {
        "type": field["type"],
        "storage": field["storage"],
        "column": field["column"],
        "minimum": field["minimum"],
        "maximum": field["maximum"],
    }


def _by_partition(files: Callable[[Group], Mapping[int, StoredFile]]) -> dict[int, dict[Group, StoredFile]]:
    found: dict[int, dict[Group, StoredFile]] = {}
    for group in GROUPS:
        for number, file in files(group).items():
            found.setdefault(number, {})[group] = file
    return found
