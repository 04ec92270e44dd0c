"""Logs a job for `--verbose`: dataset and runner, exports, time of each stage, files written, outcome."""

import logging
from collections.abc import Mapping, Sequence

from pipelines.dataset.documents.types import StageJson
from pipelines.dataset.versions import Version
from pipelines.ingest.outcome import Outcome
from pipelines.streams import JOB_LOG
from transforms.stages.elements import Export
from transforms.storage.stored_files import StoredFile

_log = logging.getLogger(JOB_LOG)


def started(root: str, before: Version | None, runner: str, exports: Sequence[Export]) -> None:
    """Logs the dataset, the runner and the exports."""
    _log.info("dataset %s: %s", root, "new" if before is None else f"goes on from version {before.number}")
    _log.info("%s", runner)
    for export in exports:
        run = "" if export.model_run is None else f" of {export.model_run}"
        _log.info("export %d: %s%s, %s, %s bytes", export.number + 1, export.group, run, export.uri, f"{export.size:,}")


def phase(name: str, seconds: float) -> None:
    """Logs the duration of a phase of the launching process."""
    _log.info("%s took %.3f s", name, seconds)


def stages(found: Mapping[str, StageJson]) -> None:
    """Logs the metrics of each stage of the graph, summed over all workers."""
    for name, took in found.items():
        _log.info(
            "stage %s: %s records, %s bytes, %.3f s at work",
            name,
            f"{int(took['records']):,}",
            f"{int(took['bytes']):,}",
            took["seconds"],
        )


def files(version: int, written: Sequence[StoredFile]) -> None:
    """Logs the files of a version."""
    for file in written:
        _log.info(
            "file of version %d: %s, %s records, %s bytes", version, file.path, f"{file.records:,}", f"{file.bytes:,}"
        )


def ended(outcome: Outcome) -> None:
    """Logs the outcome of the job."""
    reason = f": {outcome.verdict.reason}" if outcome.verdict.reason else ""
    version = "" if outcome.version is None else f", version {outcome.version}"
    _log.info(
        "%s%s, exit code %d%s, %.3f s",
        outcome.verdict.outcome,
        version,
        outcome.verdict.exit_code,
        reason,
        outcome.seconds,
    )
