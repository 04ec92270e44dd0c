"""Estimates the size of a job in bytes of exports, to decide whether worker processes pay for their start.

This loads without Beam, because worker processes start while Beam is imported.
"""

import argparse
import glob
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pipelines.config import JobConfig, JobStep
from pipelines.dataset.documents.types import ManifestJson
from pipelines.dataset.versions import Dataset
from pipelines.errors import JobError
from transforms.errors import StepError
from transforms.rules.export_rows import GROUPS
from transforms.storage.stored_files import is_local

PARALLEL_BYTES = 48 * 1024 * 1024
"""Jobs of at least this many bytes use worker processes; for smaller ones starting these costs more than it saves."""
_STATE_WEIGHT = 3
"""Reading, merging and rewriting a byte of a state file takes as long as reading this many bytes of an export."""
_RECORD_BYTES = 256
_LOCAL_RUNNERS = ("direct", "switchingdirect", "fnapi", "inprocess")
"""Beam's names of the runner in this process, without the suffix `Runner`, in lower case."""


def of_job(config: JobConfig) -> int:
    """Estimated size of a job in bytes of exports; exports and datasets that are not on this machine count as 0."""
    exports = _export_bytes(config.steps)
    manifest = None if config.backfill else _manifest(config.dataset)
    return exports + (0 if manifest is None else of_published_state(manifest, exports))


def of_published_state(manifest: ManifestJson, export_bytes: int) -> int:
    """Estimated cost, in bytes of exports, of merging with the published records in the partitions that a job touches.

    Args:
        manifest: Of the published version.
        export_bytes: Size of the exports of the job.
    """
    touched = min(1.0, export_bytes / _RECORD_BYTES / manifest["partitions"])
    return int(_state_bytes(manifest) * _STATE_WEIGHT * touched)


def of_export(dataset: str) -> int:
    """Estimated cost of an export, in bytes of exports that are read; 0 for a dataset that is not on this machine."""
    manifest = _manifest(dataset)
    return 0 if manifest is None else of_written_states(_state_bytes(manifest))


def of_written_states(state_bytes: int) -> int:
    """Estimated cost, in bytes of exports, of writing state files in another format."""
    return state_bytes * _STATE_WEIGHT


def runs_locally(flags: Sequence[str]) -> bool:
    """Whether a job with these flags runs on the local runner, without an engine.

    Beam's DirectRunner would look for an engine first; here it always means the local runner.
    """
    named = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    named.add_argument("--runner")
    try:
        name = named.parse_known_args(list(flags))[0].runner
    except argparse.ArgumentError:  # its value is missing, which is reported where the flags are checked
        return False
    return name is None or str(name).lower().rpartition(".")[2].removesuffix("runner") in _LOCAL_RUNNERS


def has_buckets(words: Iterable[object]) -> bool:
    """Whether any of these arguments of a command is a place in a bucket."""
    return any("gs://" in f"{word}" for word in words)


def _export_bytes(steps: Iterable[JobStep]) -> int:
    total = 0
    for step in steps:
        for source in step.sources:
            pattern = f"{source.pattern}*" if source.pattern.endswith("/") else source.pattern
            for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - patterns may be absolute
                with suppress(OSError):
                    total += Path(path).stat().st_size
    return total


def _state_bytes(manifest: ManifestJson) -> int:
    """Size of the state files of a version."""
    kinds = tuple(f"/state/{folder}{group}/" for group in GROUPS for folder in ("", "base/"))
    return sum(file["bytes"] for file in manifest["files"] if any(kind in file["path"] for kind in kinds))


def _manifest(dataset: str) -> ManifestJson | None:
    """The manifest of the current version; None if it is not on this machine or cannot be read."""
    if not is_local(dataset):
        return None
    with suppress(OSError, JobError, StepError):  # the job says what is wrong
        current = Dataset.at(dataset).current()
        return None if current is None else current.manifest
    return None
