"""Plans an export: which rows of which partitions of a version are written, and what `export.json` says of it."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import UsageError
from pipelines.exporting.config import ExportConfig
from pipelines.queries.answers import Answer
from pipelines.queries.vocabularies import vocabulary
from transforms.kernels.batch.batch import Positions
from transforms.kernels.publish.columns import PublishedColumns
from transforms.rules.avro_schema import stored_fields
from transforms.rules.export_rows import GROUPS
from transforms.rules.near_names import hint
from transforms.rules.policies import ExportFormat
from transforms.rules.run_folders import run_folders
from transforms.stages.export_partitions import ITEM, SCENE, ExportHead, Exporting, ExportPart, packed
from transforms.storage.states import state_file

FORMAT: Literal[1] = 1
"""Format number of `export.json`."""
_BY_RUN: frozenset[ExportFormat] = frozenset({"nucleus", "coco"})
"""Formats with a folder for each model run."""


@dataclass(frozen=True, slots=True)
class PlannedExport:
    """A planned export, from which the graph is built.

    Attributes:
        parts: The partitions that have rows of the exported groups.
        exporting: The inputs of all partitions; its root is the one that is planned for.
        head: The first members of `export.json`.
        state_bytes: Size of the state files that are read.
    """

    parts: tuple[ExportPart, ...]
    exporting: Exporting
    head: ExportHead
    state_bytes: int


def plan(config: ExportConfig, root: str) -> PlannedExport:
    """Plans an export to files below a root.

    Raises:
        UsageError: There is no dataset, no such version, or no such field to split by; the query has an order.
        QueryError: The query is wrong.
    """
    dataset = Dataset.at(config.dataset)
    version = dataset.published() if config.version is None else dataset.version(config.version)
    fields = {group: version.schema()["groups"][group]["fields"] for group in GROUPS}
    if config.splits is not None and config.split_by not in (ITEM, SCENE):
        keys = [key for key, _, _ in stored_fields(fields["items"])]
        if config.split_by not in keys:
            known = [SCENE, ITEM, *keys]
            raise UsageError(
                f"--split-by expects scene, item or a metadata field of items, got {config.split_by}; "
                f"{hint(config.split_by.removeprefix('metadata.'), known)}"
            )
    exporting = Exporting(
        root=root,
        form=config.form,
        groups=GROUPS if config.group is None else (config.group,),
        partitions=version.partitions,
        fields=fields,
        cache_keys=version.manifest["cache_key"],
        splits=config.splits,
        split_by=config.split_by,
        facts=version.facts,
        run_folders=run_folders(vocabulary(version, "predictions").runs) if config.form in _BY_RUN else {},
    )
    parts = _parts(version)
    if config.query is not None:
        parts, exporting = _queried(config, version, parts, exporting)
    states = [file for part in parts for state in part.states.values() for file in state.files]
    return PlannedExport(tuple(parts), exporting, _head(config, version), sum(file.bytes for file in states))


def _parts(version: Version) -> list[ExportPart]:
    states = {group: version.states(group) for group in GROUPS}
    numbers = sorted({number for of_group in states.values() for number in of_group})
    return [
        ExportPart(number, {group: found[number] for group, found in states.items() if number in found})
        for number in numbers
    ]


def _queried(
    config: ExportConfig, version: Version, parts: list[ExportPart], exporting: Exporting
) -> tuple[list[ExportPart], Exporting]:
    """The partitions with the rows that a query selects: of the group, or of items with all that belongs to them."""
    group = config.group or "items"
    answer = Answer.on(config.query or "", version, group)
    if answer.order is not None:
        raise UsageError(
            "--query of an export takes no ORDER BY, because the rows of a file are in the order of reference ids: "
            "leave it out, or write the rows in that order with `metadata-etl query --format ndjson`"
        )
    chosen: dict[int, list[Positions]] = {}
    scenes: set[str] = set()
    columns = PublishedColumns("items", answer.fields, exporting.cache_keys, ("scene_reference_id",))
    for found in answer.matches():
        chosen.setdefault(found.partition, []).append(found.positions)
        if config.group is None:
            rows = state_file(found.state).part(columns.stored, columns.keys).take(found.positions)
            scenes.update(columns.of(rows)["scene_reference_id"].drop_nulls().unique().to_list())
    records = {number: file.records for number, file in version.states(group).items()}
    selected = {number: packed(np.concatenate(of), records[number]) for number, of in chosen.items()}
    parts = [replace(part, selected=selected.get(part.number, b"")) for part in parts]
    return parts, replace(exporting, queried=group, scenes=frozenset(scenes))


def _head(config: ExportConfig, version: Version) -> ExportHead:
    """What does not depend on the files."""
    splits = config.splits
    return {
        "format": FORMAT,
        "dataset": version.root,
        "version": version.number,
        "schema_fingerprint": version.manifest["schema_fingerprint"],
        "file_format": config.form,
        "group": config.group,
        "query": config.query,
        "split": None if splits is None else {"by": config.split_by, "shares": dict(splits.shares)},
    }
