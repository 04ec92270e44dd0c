"""What a job is told to do: frozen, checked at once, without loading Beam."""

import re
from dataclasses import dataclass, field
from typing import Literal, Self

from transforms.rules.export_rows import Group

GATE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<percent>%?)")
DEFAULT_MAX_FIELDS = 2000


class UsageError(Exception):
    """What a user asked for cannot be done as asked; the text says what to do instead (exit code 2)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Exports of one group.

    Attributes:
        pattern: A path or glob, local or `gs://`.
        model_run: Of predictions (G5).
    """

    group: Group
    pattern: str
    model_run: str | None = None

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
class IngestConfig:
    """One ingest.

    Attributes:
        dataset: Directory of the dataset, local or `gs://`.
        sources: Exports in the order given.
        partitions: How many parts a new dataset has; None for a number that fits its first exports.
        runner_flags: What follows `--` on the command line, for the Beam runner.
    """

    dataset: str
    sources: tuple[Source, ...]
    mode: Literal["append"] = "append"
    on_conflict: Literal["fail"] = "fail"
    on_duplicate: Literal["reject", "last"] = "reject"
    max_rejected: MaxRejected | None = None
    allow_unreadable: bool = False
    cache_key: Literal["canonical", "raw"] = "canonical"
    max_fields: int = DEFAULT_MAX_FIELDS
    partitions: int | None = None
    dry_run: bool = False
    runner_flags: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Checks what does not depend on files.

        Raises:
            UsageError: With the flag at fault.
        """
        if not self.dataset:
            raise UsageError("--dataset expects a directory, got nothing")
        if not self.sources:
            raise UsageError("nothing to ingest: name exports with --items, --scenes, --annotations or --predictions")
        if self.partitions is not None and not 1 <= self.partitions <= 99_999:  # noqa: PLR2004 - five digits in a part's name
            raise UsageError(f"--partitions expects a number from 1 to 99999, got {self.partitions}")
        if self.max_fields < 1:
            raise UsageError(f"--max-fields expects a number of at least 1, got {self.max_fields}")

    def options(self) -> dict[str, str | int | bool | None]:
        """What of it decides the outcome, for the manifest: nothing about the runner (P3)."""
        return {
            "mode": self.mode,
            "on_conflict": self.on_conflict,
            "on_duplicate": self.on_duplicate,
            "max_rejected": None if self.max_rejected is None else str(self.max_rejected),
            "allow_unreadable": self.allow_unreadable,
            "cache_key": self.cache_key,
            "max_fields": self.max_fields,
        }
