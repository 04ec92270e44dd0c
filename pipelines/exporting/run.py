"""Runs an export to its end: the state files of a version -> files of other programs, and `export.json` beside them."""

from functools import partial
from typing import NotRequired, TypedDict

import apache_beam as beam
import msgspec

from pipelines.dataset.removed_versions import check_not_removed
from pipelines.errors import JobError
from pipelines.exporting.config import ExportConfig
from pipelines.exporting.place import check_outside, export_folder
from pipelines.exporting.plan import PlannedExport, plan
from pipelines.runners import choose as runners
from pipelines.runners import estimate
from transforms.beam.coders import spilling
from transforms.export_partitions import ExportPartitions
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import Count
from transforms.stages.export_partitions import DOCUMENT, ExportHead, write_document
from transforms.storage.stored_files import join, read_bytes

_NOTHING_PUBLISHED = "nothing was published"
"""What errors of a runner say, which know jobs that publish."""


class ExportedFileJson(TypedDict):
    """A file of an export; its path is below the folder of the export."""

    path: str
    records: Count
    bytes: Count
    sha256: str


class ExportJson(ExportHead):
    """`export.json` (docs/export.md)."""

    records: dict[Group, Count]
    splits: dict[str, dict[Group, Count]] | None
    files: list[ExportedFileJson]
    left_out: NotRequired[dict[str, dict[str, Count]]]


def run(config: ExportConfig) -> ExportJson:
    """Exports a version, and returns `export.json`.

    Raises:
        UsageError: The dataset, the version, the query or the folder is wrong.
        DamagedDatasetError: A file of the dataset is damaged (P7).
    """
    check_outside(config.out, config.dataset)
    with export_folder(config.out) as root:
        planned = plan(config, root)
        if not planned.parts:
            write_document(root, planned.head, [])
        else:
            runner = runners.choose(config.runner_flags, estimate.of_written_states(planned.state_bytes))
            try:
                with spilling(None):
                    runner.run(partial(build, planned=planned))
            except JobError as error:
                check_not_removed(planned.head["dataset"], planned.head["version"], error)
                text = f"{error}".removeprefix(f"{_NOTHING_PUBLISHED}: ").replace(f"; {_NOTHING_PUBLISHED}", "")
                error.args = (f"nothing was exported: {text}",)  # a new one of its type may add to this
                raise
        return msgspec.json.decode(read_bytes(join(root, DOCUMENT)), type=ExportJson)


def build(root: beam.Pipeline, planned: PlannedExport) -> beam.PCollection[None]:
    """Builds the graph."""
    return root | "ExportPartitions" >> ExportPartitions(planned.parts, planned.exporting, planned.head)
