"""Runs an ingest for a program: the job of the command `ingest`, with its options as arguments."""

import os
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pipelines.config import DEFAULT_MAX_FIELDS, JobConfig, JobStep, MaxRejected, Source, read_declared
from pipelines.dataset.documents.types import OutcomeJson
from pipelines.errors import FailedJobError, UsageError
from pipelines.handle.faults import explained
from pipelines.maps import read_map, with_map
from transforms.rules.export_rows import GROUPS
from transforms.rules.near_names import hint
from transforms.rules.policies import (
    CACHE_KEY_MODES,
    DEFAULT_MODE,
    DEFAULT_ON_CONFLICT,
    DEFAULT_ON_DUPLICATE,
    MODES,
    ON_CONFLICT,
    ON_DUPLICATE,
    CacheKeyMode,
    Mode,
    OnConflict,
    OnDuplicate,
)

Place: TypeAlias = str | os.PathLike[str]
"""A path or a `gs://` URI."""
Globs: TypeAlias = Place | Sequence[Place]
"""One path or pattern, or several, in the order that decides between duplicates (I3)."""


def ingest(
    *,
    dataset: Place,
    items: Globs = (),
    scenes: Globs = (),
    annotations: Globs = (),
    predictions: Mapping[str, Globs] | None = None,
    map: str | None = None,  # noqa: A002 - the name of the flag
    mode: Mode = DEFAULT_MODE,
    on_conflict: OnConflict = DEFAULT_ON_CONFLICT,
    on_duplicate: OnDuplicate = DEFAULT_ON_DUPLICATE,
    max_rejected: int | str | None = None,
    strict: bool = False,
    allow_unreadable: bool = False,
    allow_empty: bool = False,
    verify: bool = False,
    cache_key: CacheKeyMode | None = None,
    max_fields: int = DEFAULT_MAX_FIELDS,
    partitions: int | None = None,
    declare: Place | None = None,
    dry_run: bool = False,
    fsync: bool = True,
    runner_flags: Sequence[str] = (),
) -> OutcomeJson:
    """Runs an ingest to its end, and returns its outcome: the object that `metadata-etl ingest --json` prints.

    Its members are on the page about outputs (docs/outputs.md); it is a `dict`.

    Args:
        dataset: A directory, or `gs://BUCKET/FOLDER`.
        items: Exports of items: a path or a pattern, or several in a list.
        scenes: Exports of scenes.
        annotations: Exports of annotations.
        predictions: Name of a model run to its exports.
        map: What makes records of exports of another format, as `--map` takes it: "manifest", "coco:images=s3://b/train"
            or the path of a map file.
        mode: What becomes of records that the dataset has (U1 to U3): "append" (the default) leaves them, "replace"
            overwrites them, "merge" merges metadata into theirs.
        on_conflict: How type conflicts are resolved (T6): "fail" (the default) publishes nothing, "quarantine"
            rejects records, "null" clears values.
        on_duplicate: Which of several records with one identity is kept (I3): the first ("reject", the default), or
            the "last".
        max_rejected: A number, or a percentage such as "1.5%", above which nothing is published.
        strict: Whether irregular records are rejected, not warned of (R7).
        allow_unreadable: Whether to publish although an export is damaged.
        allow_empty: Whether patterns may match nothing.
        verify: Whether every file of the dataset is verified first (P7).
        cache_key: What is hashed for cache keys (K2): the "canonical" URL, or the "raw" one; None for what the dataset
            has.
        max_fields: The most metadata keys of a group (R5), by default 2000.
        partitions: Number of partitions of a new dataset; None to choose it by size.
        declare: A file with the declared schema (D1).
        dry_run: Whether nothing is published.
        fsync: Whether the version is flushed to the disk before it becomes current (P7).
        runner_flags: What stands after `--` on the command line.

    Raises:
        FailedJobError: A gate failed, and nothing was published; it has the report.
        UsageError: An argument, an export or the dataset is wrong.
        JobError: As the command: another job published meanwhile, the dataset is damaged, a worker was lost.

    Examples:
        >>> import metadata_etl
        >>> outcome = metadata_etl.ingest(dataset="new", items="items.ndjson", scenes=["scenes.ndjson"])
        >>> outcome["outcome"], outcome["version"], outcome["groups"]["items"]["created"]
        ('published', 1, 2)
        >>> metadata_etl.ingest(dataset="new", items="*.json", mode="replcae")
        Traceback (most recent call last):
        pipelines.errors.UsageError: mode expects one of append, replace, merge, got 'replcae'; did you mean replace?
    """
    for name, value, choices in (
        ("mode", mode, MODES),
        ("on_conflict", on_conflict, ON_CONFLICT),
        ("on_duplicate", on_duplicate, ON_DUPLICATE),
        ("cache_key", cache_key or CACHE_KEY_MODES[0], CACHE_KEY_MODES),
    ):
        if value not in choices:
            raise UsageError(f"{name} expects one of {', '.join(choices)}, got {value!r}; {hint(value, choices)}")
    if predictions is not None and not isinstance(predictions, Mapping):
        raise UsageError(
            f"predictions expects model runs with their exports, {{'v1': 'exports/v1.ndjson'}}, got {predictions!r}"
        )
    named = zip(GROUPS[:3], (items, scenes, annotations), strict=True)
    sources = [Source.of(group, each) for group, globs in named for each in _several(globs)]
    for run, globs in (predictions or {}).items():
        Source.of("predictions", f"{run.replace('=', '')}=x")  # checks the name, which may have an equals sign here
        sources += (Source("predictions", each, run) for each in _several(globs))
    config = JobConfig(
        dataset=os.fspath(dataset),
        steps=(JobStep(with_map(sources, None if map is None else read_map(map)), mode, on_duplicate, strict),),
        on_conflict=on_conflict,
        max_rejected=None if max_rejected is None else MaxRejected.of(f"{max_rejected}"),
        allow_unreadable=allow_unreadable,
        allow_empty=allow_empty,
        verify=verify,
        cache_key=cache_key,
        max_fields=max_fields,
        partitions=partitions,
        declared=None if declare is None else read_declared(os.fspath(declare)),
        dry_run=dry_run,
        fsync=fsync,
        runner_flags=tuple(runner_flags),
    )
    from pipelines.ingest import run as jobs  # noqa: PLC0415 - loads Beam, which a program that only reads does not need
    from pipelines.ingest.progress import Progress  # noqa: PLC0415 - likewise

    with explained():
        outcome = jobs.run(config, Progress())
    report = outcome.document()
    if outcome.verdict.exit_code:
        raise FailedJobError(outcome.message, outcome.verdict.exit_code, report)
    return report


def _several(globs: Globs) -> list[str]:
    return [os.fspath(each) for each in ([globs] if isinstance(globs, str | os.PathLike) else globs)]
