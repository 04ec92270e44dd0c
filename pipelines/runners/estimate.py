"""Estimates the size of a job in bytes of exports, to decide whether worker processes pay for their start.

This loads without Beam, because worker processes start while Beam is imported.
"""

import argparse
import glob
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from pipelines.config import JobConfig, JobStep
from pipelines.dataset.documents.reading import OtherFormatError, local_manifest
from transforms.errors import DamagedFileError
from transforms.rules.export_rows import GROUPS
from transforms.rules.values import JsonObject

PARALLEL_BYTES = 48 * 1024 * 1024
"""From so many bytes of work on, processes of their own earn the seconds that they take to start."""
_STATE_WEIGHT = 3
"""A byte of a state file that is read, merged and written again takes as long as so many bytes of an export."""
_RECORD_BYTES = 256
_LOCAL_RUNNERS = ("direct", "switchingdirect", "fnapi", "inprocess")
"""What Beam calls the runner that works in this process, with or without `Runner` at the end, in any case."""


def of_job(config: JobConfig) -> int:
    """About how much work a job has, as far as its exports and its dataset lie on this machine; who runs it knows."""
    exports = _export_bytes(config.steps)
    return exports + (0 if config.backfill else of_published_state(_manifest(config.dataset), exports))


def of_published_state(manifest: JsonObject, export_bytes: int) -> int:
    """The work that the records which a dataset holds make: those in the partitions that records of a job fall into."""
    files = cast("list[JsonObject]", manifest.get("files", []))
    kinds = tuple(f"/state/{folder}{group}/" for group in GROUPS for folder in ("", "base/"))
    states = [cast("int", file["bytes"]) for file in files if any(kind in str(file["path"]) for kind in kinds)]
    partitions = cast("int", manifest.get("partitions", 1))
    touched = min(1.0, export_bytes / _RECORD_BYTES / partitions)
    return int(sum(states) * _STATE_WEIGHT * touched)


def runs_locally(flags: Sequence[str]) -> bool:
    """Whether the job of these flags runs on this machine, without an engine.

    Beam's DirectRunner looks for an engine first, and takes the local runner if there is none; here it is that at once.
    """
    named = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    named.add_argument("--runner")
    try:
        name = named.parse_known_args(list(flags))[0].runner
    except argparse.ArgumentError:  # it lacks its value, which is said where the flags are checked
        return False
    return name is None or str(name).lower().rpartition(".")[2].removesuffix("runner") in _LOCAL_RUNNERS


def has_buckets(words: Iterable[object]) -> bool:
    """Whether any of these words, the paths of a job among them, is something in a bucket."""
    return any("gs://" in f"{word}" for word in words)


def _export_bytes(steps: Iterable[JobStep]) -> int:
    total = 0
    for step in steps:
        for source in step.sources:
            for path in glob.iglob(source.pattern):  # noqa: PTH207 - patterns may be absolute
                with suppress(OSError):
                    total += Path(path).stat().st_size
    return total


def _manifest(dataset: str) -> JsonObject:
    """The manifest of the current version, an empty one where there is none here that can be read."""
    with suppress(OSError, DamagedFileError, OtherFormatError):
        return local_manifest(Path(dataset))
    return {}
