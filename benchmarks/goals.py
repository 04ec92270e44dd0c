"""Where we want to be, and where a run has found us. A target missed is a line in a table, never a failure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from contests import FULL, HELP, NORMAL, ONE_FILE, REPLACE
from programs import ANY_KEY, BEAM, LOOP, OURS, TYPED
from rounds import Outcome
from tables import Table

MILLION = 1_000_000
FIXED_BYTES, RECORD_BYTES = 600e6, 300.0
HUNDRED = 100
FIRST_READ_SECONDS, HELP_SECONDS = 2.0, 0.3


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure.

    Attributes:
        case: where it is looked for.
        size: items of the case; None for all sizes.
        figure: the figure, None where the run does not tell it.
        most: the bound, given the records.
    """

    text: str
    case: str
    size: int | None
    figure: Callable[[Outcome], float | None]
    most: Callable[[int], float]


def wall_ratio(name: str, reference: str, *, per_byte: bool = False) -> Callable[[Outcome], float | None]:
    """Returns the figure "wall time of one divided by that of another"."""

    def figure(outcome: Outcome) -> float | None:
        one, other = outcome.results.get(name), outcome.results.get(reference)
        if one is None or other is None or not one.wall or not other.wall:
            return None
        return one.wall / other.wall * (other.input_bytes / one.input_bytes if per_byte else 1)

    return figure


def peak_megabytes(outcome: Outcome) -> float | None:
    """Returns the peak memory of the job, in units of 1,000,000 bytes."""
    result = outcome.results.get(OURS)
    return None if result is None or result.peak is None else result.peak / 1e6


def first_read(outcome: Outcome) -> float | None:
    """Returns the seconds until the job reads the first byte of an export."""
    result = outcome.results.get(OURS)
    return None if result is None else result.median(lambda run: run.first_read_seconds)


def help_wall(outcome: Outcome) -> float | None:
    """Returns the wall time of `--help`."""
    return outcome.results[HELP].wall


def _always(bound: float) -> Callable[[int], float]:
    return lambda _: bound


def _memory(records: int) -> float:
    return (FIXED_BYTES + RECORD_BYTES * records) / 1e6


GOALS = (
    Goal("wall / typed DuckDB", "items", MILLION, wall_ratio(OURS, TYPED.title), _always(2.0)),
    Goal("wall / typed DuckDB", "items", 5 * MILLION, wall_ratio(OURS, TYPED.title), _always(1.5)),
    Goal("wall / any-key DuckDB", "items", MILLION, wall_ratio(OURS, ANY_KEY.title), _always(0.6)),
    Goal("wall / plain loop", "items", MILLION, wall_ratio(OURS, LOOP.title), _always(1 / 2)),
    Goal("wall / per-record Beam", "items", None, wall_ratio(OURS, BEAM.title), _always(1 / 12)),
    *(Goal("peak memory, MB", case, None, peak_megabytes, _memory) for case in ("items", "annotated")),
    *(Goal("first read, s", case, None, first_read, _always(FIRST_READ_SECONDS)) for case in ("items", "annotated")),
    Goal("--help, s", "startup", None, help_wall, _always(HELP_SECONDS)),
    Goal("per byte / ordinary items", "wide", None, wall_ratio(OURS, NORMAL, per_byte=True), _always(3.0)),
    Goal("per byte / one file", "files", None, wall_ratio(OURS, ONE_FILE, per_byte=True), _always(3.0)),
    Goal("replace 1 % / full ingest", "update", 5 * MILLION, wall_ratio(REPLACE, FULL), _always(0.2)),
)


def rows(outcomes: Sequence[Outcome]) -> Iterator[list[str]]:
    """Yields (target, case, bound, found, met) of every target that a run tells something of."""
    for target in GOALS:
        for outcome in outcomes:
            contest = outcome.contest
            if contest.case != target.case or target.size not in (None, contest.size):
                continue
            found = target.figure(outcome)
            if found is not None:
                records = max(result.records for result in outcome.results.values())
                most = target.most(records)
                met = "yes" if found <= most else "no"
                yield [target.text, contest.title, *(_short(figure) for figure in (most, found)), met]


def _short(figure: float) -> str:
    return format(figure, ",.0f" if figure >= HUNDRED else ".2g")


def table(outcomes: Sequence[Outcome]) -> Table:
    """Returns the goals as a table."""
    return Table("Targets of the job", ["", "case", "at most", "found", "met"], list(rows(outcomes)), texts=2)
