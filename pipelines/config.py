"""Holds the checked configuration of a job, for all modules that plan or run one; loads without Beam."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeAlias, cast

from pipelines.errors import UsageError
from transforms.rules.declared import DeclarationError, Declared, DeclaredField, parse
from transforms.rules.export_rows import Group
from transforms.rules.policies import Mode, OnConflict, OnDuplicate
from transforms.rules.values import JsonObject, JsonValue

CacheKey: TypeAlias = Literal["canonical", "raw"]
MOST_PARTITIONS = 99_999
"""Five digits in the name of a part."""

GATE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<percent>%?)")
DEFAULT_MAX_FIELDS = 2000
TEMPLATE_FLAG = "--template_location"
"""Flag of Beam by which the runner of Dataflow writes a graph to a file, for somebody else to start."""


@dataclass(frozen=True, slots=True)
class Source:
    """Exports of one group.

    Attributes:
        pattern: A path or glob, local or `gs://`.
        model_run: Of predictions (G5).
        optional: Whether it may match nothing.
    """

    group: Group
    pattern: str
    model_run: str | None = None
    optional: bool = False

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
    """How many rejections a job may have (R4): a number, or a percentage of the records read."""

    number: float
    percent: bool

    @classmethod
    def of(cls, text: str) -> Self:
        """The gate that `--max-rejected` names.

        Raises:
            UsageError: Neither a whole number nor a percentage.

        >>> MaxRejected.of("2.5%").allows(rejected=25, read=1000)
        True
        """
        match = GATE.fullmatch(text)
        percent = match is not None and match["percent"] == "%"
        if match is None or (not percent and "." in text) or (percent and float(match["number"]) > 100):  # noqa: PLR2004 - per cent
            raise UsageError(f"--max-rejected expects a whole number or a percentage such as 1.5%, got {text!r}")
        return cls(float(match["number"]), percent)

    def allows(self, *, rejected: int, read: int) -> bool:
        """Whether so many rejections of so many records read pass."""
        return rejected * 100 <= self.number * read if self.percent else rejected <= self.number

    def __str__(self) -> str:
        """As it was given."""
        return f"{self.number:g}{'%' if self.percent else ''}"


@dataclass(frozen=True, slots=True)
class JobStep:
    """The records of one job: an ingest has one step, a backfill one for each job of its history.

    Attributes:
        sources: Exports in the order given.
        mode: How they meet what the dataset holds (U1 to U3).
        on_duplicate: Which of two records with one identity stays (I3).
    """

    sources: tuple[Source, ...]
    mode: Mode = "append"
    on_duplicate: OnDuplicate = "reject"


@dataclass(frozen=True, slots=True)
class JobConfig:
    """One ingest or backfill.

    Attributes:
        dataset: Directory of the dataset, local or `gs://`.
        steps: What is ingested, job by job.
        backfill: Whether the dataset is built anew from these steps (P5).
        declared: The declared schema of the groups that it names, None to keep what the dataset has (D1).
        verify: Whether all files of the dataset are verified by their bytes before the job goes on from them (P7).
        partitions: How many parts a new dataset has; None for a number that fits its first exports.
        allow_empty: Whether every pattern may match nothing, as if each source were optional.
        detach: Whether the job is handed to an engine and publishes by itself, with nobody who waits for it.
        fsync: Whether a version is on the disk before it becomes current (P7); it is no part of the outcome.
        runner_flags: What follows `--` on the command line, for the Beam runner.
    """

    dataset: str
    steps: tuple[JobStep, ...]
    backfill: bool = False
    on_conflict: OnConflict = "fail"
    max_rejected: MaxRejected | None = None
    allow_unreadable: bool = False
    allow_empty: bool = False
    verify: bool = False
    cache_key: CacheKey | None = None
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
            UsageError: With the flag at fault.
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
            raise UsageError("--dry-run: nobody would see what comes of it, with --detach or a template; leave one out")

    @property
    def detached(self) -> bool:
        """Whether nobody waits for the job: a template, of which only the graph is written here, implies it."""
        return self.detach or any(flag.partition("=")[0] == TEMPLATE_FLAG for flag in self.runner_flags)

    def options(self) -> JsonObject:
        """What of it decides the outcome, for the manifest: nothing about the runner (P3)."""
        steps: list[JsonValue] = [{"mode": step.mode, "on_duplicate": step.on_duplicate} for step in self.steps]
        jobs: JsonObject = {"backfill": steps} if self.backfill else dict(cast("JsonObject", steps[0]))
        return jobs | {
            "on_conflict": self.on_conflict,
            "max_rejected": None if self.max_rejected is None else str(self.max_rejected),
            "allow_unreadable": self.allow_unreadable,
            "max_fields": self.max_fields,
        }


def read_declared(path: str) -> dict[Group, dict[str, DeclaredField]]:
    """The declared schema in a JSON file (D1).

    Raises:
        UsageError: The file cannot be read, or is no declaration.
    """
    try:
        document = json.loads(Path(path).read_bytes().decode("utf-8-sig"))
        # Lone surrogates are no text that any value could equal.
        json.dumps(document, ensure_ascii=False).encode()
        return parse(document)
    except OSError as error:
        raise UsageError(f"--declare {path}: cannot be read ({error.strerror}); check the path") from error
    except DeclarationError as error:
        raise UsageError(f"--declare {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--declare {path}: expected a JSON object of groups, {error}") from error
