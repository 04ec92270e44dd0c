"""Implements `rejections`: prints a table, one object or raw records, or writes files to re-ingest (R1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.cli.console import console
from pipelines.cli.strict_parser import Color
from pipelines.cli.tables import print_conflicts, print_rejections
from pipelines.dataset.rejections import Rejected, RejectingJob, job_of_run, job_of_version, raw_records
from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError
from pipelines.ingest.reingest import by_source, deliver, described
from pipelines.json_output import print_object
from pipelines.streams import complain, emit, say, told_afterwards
from transforms.rules.export_rows import Group
from transforms.rules.rejection_json import RejectionJson
from transforms.rules.rejections import shown


@dataclass(frozen=True, slots=True)
class Which:
    """A selection of rejections.

    Attributes:
        version: Number of the version; None for the current one.
        run: Id of a run that published nothing, instead of a version.
        is_open: All versions and runs, but only records that have not been accepted since.
        code: Only this code.
        group: Only this group.
        model_run: Only predictions of this model run.
    """

    version: int | None = None
    run: str | None = None
    is_open: bool = False
    code: str | None = None
    group: Group | None = None
    model_run: str | None = None

    def check(self) -> None:
        """Raises UsageError if two options exclude each other."""
        if self.model_run is not None and self.group not in (None, "predictions"):
            raise UsageError(f"--run-name names the model run of predictions, and --group {self.group} leaves them out")

    def found(self, dataset: Dataset) -> tuple[list[Rejected], RejectingJob | None]:
        """The selected rejections, in order, and their job if they are of one.

        Raises:
            UsageError: There is no such version, run or model run.
        """
        self.check()
        job = None
        if self.is_open:
            from pipelines.dataset.open_rejections import open_rejections  # noqa: PLC0415 - it loads Polars

            every = open_rejections(dataset)
        else:
            job = job_of_version(dataset, self.version) if self.run is None else job_of_run(dataset, self.run)
            every = job.rejections()
        runs = sorted({each.model_run for each in every if each.model_run is not None})
        if self.model_run is not None and self.model_run not in runs:
            advice = f"they are of {', '.join(map(shown, runs))}" if runs else "none are of a model run"
            raise UsageError(f"--run-name: no rejections of predictions of {shown(self.model_run)}; {advice}")
        return [each for each in every if self._wants(each)], job

    def _wants(self, rejection: Rejected) -> bool:
        return (
            self.code in (None, rejection.line["code"])
            and self.group in (None, rejection.group)
            and (self.model_run is None or self.model_run == rejection.model_run)
        )


def rejections(
    dataset: str,
    which: Which,
    *,
    raw: bool = False,
    out: str | None = None,
    as_json: bool = False,
    color: Color = "auto",
) -> int:
    """Prints rejections as a table, one object or raw records, or writes files of raw records; returns the exit code.

    Raises:
        UsageError: There is no such version or run, or raw records of several groups or model runs would be mixed.
    """
    if raw and as_json:
        raise UsageError(
            "--raw prints records, --json one object, which contains them as `raw`: leave one of the two out"
        )
    if out is not None and "://" in out:
        raise UsageError(f"--out expects a folder on this machine, got {out}")
    found, job = which.found(Dataset.at(dataset))
    if out is not None:
        _deliver(dataset, found, out, job, as_json=as_json)
    elif as_json:
        print_object(
            {
                "count": len(found),
                "rejections": [{**each.line, "job": each.job.name} for each in found],
                "conflicts": [] if job is None else job.conflicts,
            }
        )
    elif raw:
        _print_raw(found)
    else:
        _print_table(found, job, which, color)
    return 0


def _print_raw(found: Sequence[Rejected]) -> None:
    sources = list(by_source(found))
    if len(sources) > 1:
        listed = f"{', '.join(map(described, sources[:-1]))} and {described(sources[-1])}"
        raise UsageError(
            f"--raw prints records of one group and model run, and these are {listed}: choose with --group and "
            "--run-name, or write a file for each with --out DIR"
        )
    left_out = 0
    for record in raw_records(found):
        if record is None:
            left_out += 1
        else:
            emit(record + b"\n")
    _say_left_out(left_out)


def _say_left_out(count: int) -> None:
    if count:
        complain(f"{count} left out: only their export has the whole record")


def _print_table(found: Sequence[Rejected], job: RejectingJob | None, which: Which, color: Color) -> None:
    conflicts = [
        each
        for each in ([] if job is None else job.conflicts)
        if which.group in (None, each["group"]) and which.code in (None, "type_conflict")
    ]
    if conflicts:
        print_conflicts(conflicts, console(color))
    if not found:
        if not conflicts:
            complain(f"no {'open ' if which.is_open else ''}rejections")
        return
    by_job: dict[str, list[RejectionJson]] = {}
    for each in found:
        by_job.setdefault(each.job.name, []).append(each.line)
    for name, lines in by_job.items():
        print_rejections(lines, console(color), title=name if which.is_open else "")


def _deliver(dataset: str, found: Sequence[Rejected], out: str, job: RejectingJob | None, *, as_json: bool) -> None:
    deliveries, left_out = deliver(dataset, found, out)
    with told_afterwards():
        if as_json:
            print_object({"written": [each.document() for each in deliveries], "left_out": left_out})
            return
        for each in deliveries:
            for file in each.files:
                say(f"{file.records:,} records of {described(file.source)}: {file.path}")
            say("Once they are fixed, ingest them again with:", each.command)
        _say_left_out(left_out)
        if not deliveries:
            complain("no rejections; nothing was written")
        elif job is not None and not job.published:
            complain(
                f"the {job.name} published nothing, so its accepted records are not in the dataset either: "
                "ingest its exports too"
            )
