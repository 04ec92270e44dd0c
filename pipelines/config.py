"""Holds the checked configuration of a job, for all modules that plan or run one; loads without Beam."""

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypedDict

from pipelines.errors import UsageError
from transforms.rules.declared import DeclarationError, Declared, DeclaredField, parse
from transforms.rules.export_rows import Group
from transforms.rules.policies import (
    DEFAULT_MODE,
    DEFAULT_ON_CONFLICT,
    DEFAULT_ON_DUPLICATE,
    CacheKeyMode,
    Mode,
    OnConflict,
    OnDuplicate,
)
from transforms.rules.schema_json import Count

if TYPE_CHECKING:  # maps load numpy, which takes long: a program that opens a dataset does not wait for it
    from transforms.mapping.maps import Map

MOST_PARTITIONS = 99_999
"""The largest number with five digits, as in the name of a part."""

GATE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<percent>%?)")
DEFAULT_MAX_FIELDS = 2000
TEMPLATE_FLAG = "--template_location"
"""Flag of Beam with which the Dataflow runner writes a template instead of starting the job."""


@dataclass(frozen=True, slots=True)
class Source:
    """Exports of one group.

    Attributes:
        group: Of the records in the exports.
        pattern: A path or glob, local or `gs://`.
        model_run: Of predictions (G5).
        optional: Whether the pattern may match nothing.
        map: What makes records of exports of another format.
    """

    group: Group
    pattern: str
    model_run: str | None = None
    optional: bool = False
    map: "Map | None" = None

    @classmethod
    def of(cls, group: Group, text: str) -> Self:
        """The source that a flag names; for predictions `RUN=GLOB`.

        Raises:
            UsageError: No run is named, or no pattern.
        """
        run, equals, pattern = text.partition("=")
        if group == "predictions":
            if not (equals and run and pattern):
                raise UsageError(f"--predictions expects RUN=GLOB, the name of the model run first, got {text!r}")
            if any("\ud800" <= character <= "\udfff" for character in run):
                raise UsageError(f"--predictions expects the name of the model run in UTF-8, got {run!r}")
            return cls(group, pattern, run)
        if not text:
            raise UsageError(f"--{group} expects a path or a glob, got nothing")
        return cls(group, text)


@dataclass(frozen=True, slots=True)
class MaxRejected:
    """The gate on rejections (R4): a number, or a percentage of the records read, as exact as it was given."""

    number: Decimal
    percent: bool

    @classmethod
    def of(cls, text: str) -> Self:
        """The gate that `--max-rejected` names.

        Raises:
            UsageError: Neither a whole number nor a percentage.

        >>> MaxRejected.of("0.57%").allows(rejected=57, read=10_000)
        True
        """
        match = GATE.fullmatch(text)
        percent = match is not None and match["percent"] == "%"
        if match is None or (not percent and "." in text) or (percent and Decimal(match["number"]) > 100):  # noqa: PLR2004 - per cent
            raise UsageError(f"--max-rejected expects a whole number or a percentage such as 1.5%, got {text!r}")
        return cls(Decimal(match["number"]), percent)

    def allows(self, *, rejected: int, read: int) -> bool:
        """Whether this number of rejections among the records read passes the gate."""
        most, parts = self.number.as_integer_ratio()
        return rejected * 100 * parts <= most * read if self.percent else rejected * parts <= most

    def __str__(self) -> str:
        """As it can be given again.

        >>> f"{MaxRejected.of('2.50%')}", f"{MaxRejected.of('1234567')}"
        ('2.5%', '1234567')
        """
        text = f"{self.number:f}"
        return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{'%' if self.percent else ''}"


@dataclass(frozen=True, slots=True)
class JobStep:
    """The records of one job: an ingest has one step, a backfill one for each job of its history.

    Attributes:
        sources: Exports in the order given.
        mode: How records update published ones (U1 to U3).
        on_duplicate: Which of several records with the same identity is kept (I3).
        strict: Whether irregular records are rejected, not warned of (R7).
    """

    sources: tuple[Source, ...]
    mode: Mode = DEFAULT_MODE
    on_duplicate: OnDuplicate = DEFAULT_ON_DUPLICATE
    strict: bool = False

    def options(self) -> "StepJson":
        """The options of the job that decide its outcome."""
        found: StepJson = {"mode": self.mode, "on_duplicate": self.on_duplicate}
        return found | {"strict": True} if self.strict else found


class StepJson(TypedDict, total=False):
    """The policies of one job of a history, in the options of a backfill; `strict` is present only if it is true."""

    mode: str
    on_duplicate: str
    strict: bool


class OptionsJson(StepJson, total=False):
    """The options of a job that decide its outcome; absent if not set, or not yet recorded.

    Attributes:
        backfill: The jobs of the history, each with its policies.
        rollback: Number of the version that was published again.
    """

    backfill: list[StepJson]
    rollback: Count
    on_conflict: str
    max_rejected: str | None
    allow_unreadable: bool
    max_fields: Count


@dataclass(frozen=True, slots=True)
class JobConfig:
    """One ingest or backfill.

    Attributes:
        dataset: Directory of the dataset, local or `gs://`.
        steps: What is ingested, job by job.
        backfill: Whether the dataset is rebuilt from these steps (P5).
        on_conflict: How type conflicts are resolved (T6).
        max_rejected: Gate on rejections, None for no limit (R4).
        allow_unreadable: Whether to publish even if an export is damaged (R4).
        allow_empty: Whether every pattern may match nothing, as if each source were optional.
        verify: Whether all files of the dataset are verified by their digests before the job (P7).
        cache_key: What is hashed for cache keys, None for that of the dataset (K2).
        max_fields: Maximum number of metadata keys of a group (R5).
        partitions: Number of partitions of a new dataset, None to choose it by the size of its first exports.
        declared: The declared schema of the groups that it names, None to keep that of the dataset (D1).
        dry_run: Whether nothing is published.
        detach: Whether the job is submitted to an engine, and publishes by itself.
        fsync: Whether a version is flushed to the disk before it becomes current (P7); not part of the outcome.
        runner_flags: The flags after `--` on the command line, for the Beam runner.
    """

    dataset: str
    steps: tuple[JobStep, ...]
    backfill: bool = False
    on_conflict: OnConflict = DEFAULT_ON_CONFLICT
    max_rejected: MaxRejected | None = None
    allow_unreadable: bool = False
    allow_empty: bool = False
    verify: bool = False
    cache_key: CacheKeyMode | None = None
    max_fields: int = DEFAULT_MAX_FIELDS
    partitions: int | None = None
    declared: Declared | None = None
    dry_run: bool = False
    detach: bool = False
    fsync: bool = True
    runner_flags: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Checks what does not depend on files.

        Raises:
            UsageError: A value is invalid; the text names the flag.
        """
        if not self.dataset:
            raise UsageError("--dataset expects a directory, got nothing")
        if not all(step.sources for step in self.steps):
            raise UsageError("nothing to ingest: name exports with --items, --scenes, --annotations or --predictions")
        if self.partitions is not None and not 1 <= self.partitions <= MOST_PARTITIONS:
            raise UsageError(f"--partitions expects a number from 1 to {MOST_PARTITIONS}, got {self.partitions}")
        if self.max_fields < 1:
            raise UsageError(f"--max-fields expects a number of at least 1, got {self.max_fields}")
        if self.dry_run and self.detached:
            raise UsageError(
                "--dry-run: a detached job or a template would not show its outcome; leave one of the two out"
            )

    @property
    def detached(self) -> bool:
        """Whether no process waits for the job: it is detached, or written as a template."""
        return self.detach or any(flag.partition("=")[0] == TEMPLATE_FLAG for flag in self.runner_flags)

    def options(self) -> OptionsJson:
        """The options that decide the outcome, for the manifest; none about the runner (P3)."""
        steps = [step.options() for step in self.steps]
        decisive: OptionsJson = {
            "on_conflict": self.on_conflict,
            "max_rejected": None if self.max_rejected is None else str(self.max_rejected),
            "allow_unreadable": self.allow_unreadable,
            "max_fields": self.max_fields,
        }
        return {"backfill": steps, **decisive} if self.backfill else {**steps[0], **decisive}


def read_declared(path: str) -> dict[Group, dict[str, DeclaredField]]:
    """Reads the declared schema from a JSON file (D1).

    Raises:
        UsageError: The file cannot be read, or is no valid declaration.
    """
    try:
        document = json.loads(Path(path).read_bytes().decode("utf-8-sig"))
        # Raises for lone surrogates, which no value can equal.
        json.dumps(document, ensure_ascii=False).encode()
        return parse(document)
    except OSError as error:
        raise UsageError(f"--declare {path}: cannot be read ({error.strerror}); check the path") from error
    except DeclarationError as error:
        raise UsageError(f"--declare {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--declare {path}: expected a JSON object of groups, {error}") from error
