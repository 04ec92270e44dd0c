"""Reads jobs in TOML: the options of `--config JOB.toml`, and the jobs of `backfill --history HISTORY.toml`.

They are checked as strictly as the command line, and each error names the file and the key. Paths in a file mean what
they mean on the command line: a relative one starts from the working directory of the command.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from pipelines.cli import toml
from pipelines.cli.job_options import JobOptions
from pipelines.cli.toml import Table, shown
from pipelines.config import MOST_PARTITIONS, MaxRejected, Source
from pipelines.errors import UsageError
from pipelines.ingest import dates
from pipelines.maps import read_map
from transforms.mapping.maps import Map
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import CACHE_KEY_MODES, DEFAULT_MODE, MODES, ON_CONFLICT, ON_DUPLICATE, Mode, OnDuplicate


@dataclass(frozen=True, slots=True)
class HistoryJob:
    """One job of the history that a backfill runs again (P5).

    Attributes:
        sources: At least one, in the order of the keys in the file (I3).
        on_duplicate: None to use that of the command line.
        strict: Likewise.
    """

    mode: Mode
    sources: tuple[Source, ...]
    on_duplicate: OnDuplicate | None = None
    strict: bool | None = None


OPTIONS: tuple[str, ...] = (
    *GROUPS,
    *(field.name for field in fields(JobOptions) if field.name != "sources"),
)
"""The keys of a job file: the options of the command line, dashes as underscores, and FILE_ONLY."""
FILE_ONLY = ("runner_flags", "optional")
"""The keys that the command line has no flag for."""
_SOURCE = ("glob", "optional", "map")
"""The keys of exports that may be missing, or have a map of their own: `{glob = "*.csv", map = "manifest"}`."""
_PATTERNS = "a path or glob, or a list of them"
JOB_OPTIONS: tuple[str, ...] = (*GROUPS, "map", "mode", "on_duplicate", "strict")
"""The keys of one job of a history."""


def read_options(path: str, today: dt.date | None = None) -> JobOptions:
    """The options of a job file.

    Args:
        path: Of the file.
        today: Value of `{date}` in its patterns; None for the date in the file, or else today.

    Raises:
        UsageError: The file cannot be read, has an unknown key, or a value that the option does not take.
    """
    table = _JobTable(path, toml.read(path))
    table.check_keys(OPTIONS)
    day = table.date("date")
    optional = table.truth("optional")
    sources = tuple(table.sources(today or day or dates.today()))
    return JobOptions(
        dataset=table.text("dataset"),
        sources=tuple(replace(source, optional=True) if optional else source for source in sources) or None,
        map=table.map(),
        mode=table.choice("mode", MODES),
        on_conflict=table.choice("on_conflict", ON_CONFLICT),
        on_duplicate=table.choice("on_duplicate", ON_DUPLICATE),
        strict=table.truth("strict"),
        max_rejected=table.max_rejected(),
        allow_unreadable=table.truth("allow_unreadable"),
        allow_empty=table.truth("allow_empty"),
        verify=table.truth("verify"),
        cache_key=table.choice("cache_key", CACHE_KEY_MODES),
        max_fields=table.whole_number("max_fields"),
        partitions=table.whole_number("partitions", most=MOST_PARTITIONS),
        declare=table.text("declare"),
        report=table.text("report"),
        dry_run=table.truth("dry_run"),
        detach=table.truth("detach"),
        no_fsync=table.truth("no_fsync"),
        json=table.truth("json"),
        quiet=table.truth("quiet"),
        verbose=table.truth("verbose"),
        runner_flags=table.texts("runner_flags"),
        date=day,
        optional=optional,
    )


def read_history(path: str) -> tuple[HistoryJob, ...]:
    """The jobs of a history, its `[[job]]` tables, in the order in which they were run.

    Raises:
        UsageError: As for a job file; or there is no job, or one that names no exports.
    """
    document = toml.read(path)
    Table(path, document).check_keys(("job",))
    jobs = document.get("job")
    if not isinstance(jobs, list) or not jobs:
        got = "none" if jobs is None else shown(jobs)
        raise UsageError(f"{path}: expected [[job]] tables, one for each job in the order of their runs, got {got}")
    return tuple(_job(f"{path}: job {number}", job) for number, job in enumerate(jobs, start=1))


def _job(where: str, values: object) -> HistoryJob:
    if not isinstance(values, dict):
        raise UsageError(f"{where}: expected a table, got {shown(values)}")
    table = _JobTable(where, values)
    table.check_keys(JOB_OPTIONS)
    of_job = table.map()
    sources = tuple(replace(source, map=source.map or of_job) for source in table.sources(None))
    if not sources:
        raise UsageError(f"{where}: names no exports; give it {', '.join(GROUPS[:-1])} or {GROUPS[-1]}")
    return HistoryJob(
        mode=table.choice("mode", MODES) or DEFAULT_MODE,
        sources=sources,
        on_duplicate=table.choice("on_duplicate", ON_DUPLICATE),
        strict=table.truth("strict"),
    )


class _Pattern(NamedTuple):
    """A pattern of exports, whether it may match nothing, and what makes their records."""

    pattern: str
    optional: bool
    map: Map | None


@dataclass(frozen=True, slots=True)
class _JobTable(Table):
    """A table with the options of a job."""

    def max_rejected(self) -> MaxRejected | None:
        key = "max_rejected"
        what = "a whole number or a percentage such as 1.5%"
        match self.values.get(key):
            case None:
                return None
            case str() | int() as value if not isinstance(value, bool):
                try:
                    return MaxRejected.of(str(value))
                except UsageError:
                    raise self.wrong(key, what, value) from None
            case value:
                raise self.wrong(key, what, value)

    def date(self, key: str) -> dt.date | None:
        """A date, as TOML writes one or in quotes."""
        match self.values.get(key):
            case None:
                return None
            case dt.date() as value if not isinstance(value, dt.datetime):
                return value
            case str() as text:
                return dates.day(text, f"{self.where}: {key}")
            case value:
                raise self.wrong(key, "a date such as 2026-11-30", value)

    def map(self, key: str = "map") -> Map | None:
        """What makes records of exports of another format."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return read_map(text)
        except UsageError as error:
            raise UsageError(f"{self.where}: {key}: {f'{error}'.removeprefix('--map ')}") from error

    def sources(self, of: dt.date | None) -> Iterator[Source]:
        """The exports of all groups, in the order of the keys; `of` is the date of the job, as `dates.filled_in`."""
        for group in self.values:
            match group:
                case "items" | "scenes" | "annotations":
                    for each in self._patterns(group, self.values[group], _PATTERNS):
                        pattern = self._filled_in(group, each.pattern, of)
                        yield Source(group, pattern, optional=each.optional, map=each.map)
                case "predictions":
                    yield from self._predictions(group, self.values[group], of)

    def _predictions(self, group: Group, value: object, of: dt.date | None) -> Iterator[Source]:
        if isinstance(value, dict):
            if not value:
                raise self.wrong(group, "a glob for each model run", value)
            for run, patterns in value.items():
                if not run:
                    raise self.wrong(group, "the name of a model run", run)
                key = f"{group}.{run}"
                for each in self._patterns(key, patterns, _PATTERNS):
                    yield Source(group, self._filled_in(key, each.pattern, of), run, each.optional, each.map)
            return
        what = "RUN=GLOB, a list of them, or a table with a glob for each run"
        for each in self._patterns(group, value, what):
            try:
                source = Source.of(group, each.pattern)
            except UsageError:
                raise self.wrong(group, what, each.pattern) from None
            pattern = self._filled_in(group, source.pattern, of)
            yield replace(source, pattern=pattern, optional=each.optional, map=each.map)

    def _patterns(self, key: str, value: object, what: str) -> Iterator[_Pattern]:
        """The patterns of one string or table or a list of them; none is empty."""
        given = value if isinstance(value, list) else [value]
        if not given:
            raise self.wrong(key, what, value)
        for each in given:
            if isinstance(each, dict):
                table = _JobTable(f"{self.where}: {key}", each)
                table.check_keys(_SOURCE)
                if "glob" not in each:
                    raise self.wrong(f"{key}.glob", "a path or glob, or a list of them", None)
                optional, of_source = table.truth("optional") or False, table.map()
                globs = each["glob"] if isinstance(each["glob"], list) else [each["glob"]]
                if not globs:
                    raise self.wrong(f"{key}.glob", "a path or glob, or a list of them", globs)
                place = f"{key}.glob"
            else:
                place, globs, optional, of_source = key, [each], False, None
            for pattern in globs:
                if not isinstance(pattern, str) or not pattern:
                    raise self.wrong(place, what, pattern)
                yield _Pattern(pattern, optional, of_source)

    def _filled_in(self, key: str, pattern: str, of: dt.date | None) -> str:
        try:
            return dates.filled_in(pattern, of)
        except ValueError as error:
            raise UsageError(f"{self.where}: {key} expects {error} in {shown(pattern)}") from error
