"""Decides the outcome of a job from its counts: gates, exit code, and the object of `--json` (R4, U4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipelines.config import JobConfig, OptionsJson
from pipelines.dataset.documents.types import (
    OutcomeJson,
    OutcomeName,
    StageJson,
)
from pipelines.errors import ExitCode, shell_command
from pipelines.ingest.tally import Tally
from transforms.rules.key_limits import MOST_COUNTED
from transforms.rules.rejections import Code
from transforms.rules.schema_json import GroupJson, Groups, by_group

FOREIGN_FILES = "foreign_files"
"""Warning: foreign files in the folders of the dataset (P6)."""
NOTHING_MATCHED = "nothing_matched"
"""Warning: patterns without a match, of exports that may be missing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a job, and the reason."""

    outcome: OutcomeName
    exit_code: ExitCode
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished job, for messages and `--json`.

    Attributes:
        version: Number of the published version, or of the one that the job started from; None if there is neither.
        run: Id of the run.
        schema: The groups in `schema.json` of the version that was or would have been published.
        seconds: Duration of the job.
        stages: Stage to its records, bytes, and seconds of work.
        dataset: URI of the dataset.
        kept_run: Whether the report and the rejections of the run are kept.
        options: Options of the job that decide the outcome.
        foreign: Paths of foreign files in the folders of the dataset (P6).
    """

    verdict: Verdict
    version: int | None
    run: str
    tally: Tally
    schema: Groups[GroupJson]
    runner: str
    seconds: float
    stages: Mapping[str, StageJson]
    dataset: str
    kept_run: bool
    options: OptionsJson = field(default_factory=OptionsJson)
    foreign: tuple[str, ...] = ()

    @property
    def rejections_command(self) -> str | None:
        """The command that shows rejections and conflicts; None if there are none, or none were kept."""
        if self.kept_run and (self.tally.rejected or self.tally.cleared or self.tally.conflicts):
            return shell_command("rejections", self.dataset, "--run", self.run)
        if self.verdict.outcome == "published" and (self.tally.rejected or self.tally.cleared):
            return shell_command("rejections", self.dataset, "--version", str(self.version))
        return None

    @property
    def message(self) -> str:
        """Why nothing was published, and the command that shows the records behind it (R4)."""
        reason, command = self.verdict.reason, self.rejections_command
        if not reason:
            return ""
        if command is not None:
            what = "the values in conflict" if self.verdict.exit_code == ExitCode.TYPE_CONFLICT else "what was rejected"
            return f"{reason}; `{command}` shows {what}"
        if self.verdict.outcome in ("failed", "dry_run") and (self.tally.rejected or self.tally.conflicts):
            return f"{reason}; a dry run keeps no rejections: run it without --dry-run to read them"
        return reason

    @property
    def warnings(self) -> dict[str, int]:
        """Number of warnings by code; that of foreign files is not in the manifest."""
        return self.tally.warnings | ({FOREIGN_FILES: len(self.foreign)} if self.foreign else {})

    def document(self) -> OutcomeJson:
        """The object of `--json` (INTERFACE)."""
        return {
            "outcome": self.verdict.outcome,
            "exit_code": int(self.verdict.exit_code),
            "version": self.version,
            "run": self.run,
            "groups": self.tally.counts(),
            "cascaded": dict(sorted(self.tally.cascaded.items())),
            "conflicts": list(self.tally.conflicts),
            "cache_keys": self.tally.cache_keys,
            "warnings": dict(sorted(self.warnings.items())),
            "irregularities": self.tally.irregularities,
            "seconds": round(self.seconds, 3),
            "stages": dict(self.stages),
            "runner": self.runner,
            "options": self.options,
            "message": self.message,
        }


def failure(code: ExitCode, message: str, *, seconds: float) -> OutcomeJson:
    """The object of `--json` for a job that failed before it counted anything, such as wrong usage."""
    nothing = Outcome(
        verdict=Verdict("failed", code, message),
        version=None,
        run="",
        tally=Tally(),
        schema=by_group(lambda _: GroupJson(records=0, fields={})),
        runner="",
        seconds=seconds,
        stages={},
        dataset="",
        kept_run=False,
    )
    return nothing.document() | {"run": None, "runner": None}


def verdict(tally: Tally, config: JobConfig, *, changed: bool) -> Verdict:
    """The outcome that these counts lead to; publishing may still fail.

    `changed` is whether the version would differ from the published one.
    """
    for code, reason in _failures(tally, config):
        return Verdict("failed", code, reason)
    if config.dry_run:
        return Verdict("dry_run", ExitCode.OK, "dry run: nothing was published")
    if not changed:
        known = "the dataset already has these records"
        nothing = f"no record was accepted{_unknown(tally, config)}" if tally.read else "there was no record to read"
        reason = nothing if tally.rejected == tally.read else known
        return Verdict("unchanged", ExitCode.OK, f"nothing to publish: {reason}")
    return Verdict("published", ExitCode.OK, "")


def _unknown(tally: Tally, config: JobConfig) -> str:
    """What to do if a job of updates (U3) has records that the dataset does not have; empty if it has none."""
    unknown = sum(group.rejected[Code.UNKNOWN_REFERENCE.value] for group in tally.groups.values())
    if not unknown or not any(step.mode == "merge" for step in config.steps):
        return ""
    return (
        f", because the dataset does not have {unknown:,} of them and --mode merge updates those that it has: ingest "
        "new ones with --mode append"
    )


def repairs(tally: Tally) -> str:
    """The message about damaged files that the job rebuilt; empty if there were none."""
    if not tally.repaired:
        return ""
    first, *others = sorted(tally.repaired)
    files = first if not others else f"{first} and {len(others)} more"
    return f"rebuilt damaged files of the version before: {files}; check the disk that they were on"


def _conflict(tally: Tally, config: JobConfig) -> str:
    fields = "1 field" if tally.unresolved == 1 else f"{tally.unresolved} fields"
    if config.on_conflict == "fail":
        return (
            f"type conflicts in {fields}: give each field one kind of value, or resolve them with --on-conflict "
            "quarantine or null, and run again"
        )
    return (
        f"type conflicts in {fields} that --on-conflict {config.on_conflict} cannot resolve: the dataset itself has "
        "values of another kind than the declared one; replace these records first, or backfill with the declaration"
    )


def _failures(tally: Tally, config: JobConfig) -> Iterator[tuple[ExitCode, str]]:
    """The gates that fail, the most important first.

    Unreadable exports come before conflicts, because what was not read could be in conflict too.
    """
    unreadable = sum(group.rejected[Code.UNREADABLE_EXPORT.value] for group in tally.groups.values())
    if unreadable and not config.allow_unreadable:
        exports = "an export" if unreadable == 1 else f"{unreadable} exports"
        yield (
            ExitCode.UNREADABLE,
            f"{exports} could not be read to the end; repair it, or publish what can be read with --allow-unreadable",
        )
    if tally.too_many_fields:
        found = ", ".join(
            f"{group} has {'at least ' if count >= MOST_COUNTED else ''}{count:,}"
            for group, count in tally.too_many_fields.items()
        )
        yield (
            ExitCode.ERROR,
            (
                f"{Code.TOO_MANY_FIELDS.value}: {found} distinct metadata keys, more than --max-fields "
                f"{config.max_fields}; raise the limit, or move values that serve as keys into a list or an object"
            ),
        )
    if tally.unresolved:
        yield ExitCode.TYPE_CONFLICT, _conflict(tally, config)
    if tally.other_choices:
        found = ", ".join(
            f"{count:,} in {group}.{key}" for group, keys in tally.other_choices.items() for key, count in keys.items()
        )
        yield (
            ExitCode.TYPE_CONFLICT,
            (
                f"the dataset holds values that are none of the declared choices ({found}): declare these too, or "
                "replace the records that hold them first"
            ),
        )
    listed = tally.rejected + tally.cleared
    if config.max_rejected is not None and not config.max_rejected.allows(rejected=listed, read=tally.read):
        yield (
            ExitCode.TOO_MANY_REJECTED,
            (f"{listed} of {tally.read} records are rejected, more than --max-rejected {config.max_rejected} allows"),
        )
