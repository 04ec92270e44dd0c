"""Holds the options of a job as one place gives them, the command line or a job file, and combines the two."""

import datetime as dt
from dataclasses import dataclass, fields, replace

from pipelines.config import MaxRejected, Source
from transforms.mapping.maps import Map
from transforms.rules.policies import CacheKeyMode, Mode, OnConflict, OnDuplicate


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options that the command line or a job file gives, None where it does not; names as on the command line.

    Attributes:
        sources: Exports of all groups, in the order given (I3).
        map: What makes records of exports that have no map of their own.
        declare: Path of a declared schema (D1).
        report: Path or URI of the insights page that the job writes.
        runner_flags: Flags for the Beam runner, as after `--` on the command line.
        date: Value of `{date}` in the patterns.
        optional: Whether every pattern of the file may match nothing; the command line has no flag for it.
    """

    dataset: str | None = None
    sources: tuple[Source, ...] | None = None
    map: Map | None = None
    mode: Mode | None = None
    on_conflict: OnConflict | None = None
    on_duplicate: OnDuplicate | None = None
    strict: bool | None = None
    max_rejected: MaxRejected | None = None
    allow_unreadable: bool | None = None
    allow_empty: bool | None = None
    verify: bool | None = None
    cache_key: CacheKeyMode | None = None
    max_fields: int | None = None
    partitions: int | None = None
    declare: str | None = None
    report: str | None = None
    dry_run: bool | None = None
    detach: bool | None = None
    no_fsync: bool | None = None
    json: bool | None = None
    quiet: bool | None = None
    verbose: bool | None = None
    runner_flags: tuple[str, ...] | None = None
    date: dt.date | None = None
    optional: bool | None = None

    def or_else(self, others: "JobOptions") -> "JobOptions":
        """These options, and those of another place where they are not set.

        Of the exports, those of the other place are taken for groups that these do not name; they come first.
        """
        taken = {
            option.name: getattr(others, option.name) for option in fields(self) if getattr(self, option.name) is None
        }
        named = {source.group for source in self.sources or ()}
        before = (source for source in others.sources or () if source.group not in named)
        return replace(self, **taken | {"sources": (*before, *(self.sources or ())) or None})
