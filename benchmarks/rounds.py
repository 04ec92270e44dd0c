"""Runs the entrants of a contest in turn, round by round, and checks that all found the same records."""

import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from contests import Contest, Entrant
from processes import Measurement, measure

ROOT = Path(__file__).resolve().parents[1]
ERROR_BYTES = 2_000
MEMORY_SHARE = 0.8
"""A peer that would take more of the memory that is free than this is not begun: the machine would go down with it."""


class FailedRunError(Exception):
    """A run of the job that failed, or any run that found other records than there are."""


@dataclass(slots=True)
class Result:
    """All runs of an entrant.

    Attributes:
        note: why there are no (more) runs.
    """

    entrant: Entrant
    records: int
    input_bytes: int
    runs: list[Measurement] = field(default_factory=list)
    note: str | None = None

    def median(self, of: Callable[[Measurement], float | None]) -> float | None:
        """Returns the median of a figure over the runs, None where it is not known."""
        known = [figure for run in self.runs if (figure := of(run)) is not None]
        return median(known) if known else None

    @property
    def wall(self) -> float | None:
        """Median of the wall time in seconds; None if it did not come to its end."""
        return None if self.note else self.median(lambda run: run.wall_seconds)

    @property
    def peak(self) -> float | None:
        """Median of the peak memory in bytes."""
        return None if self.note else self.median(lambda run: run.peak_bytes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A contest that has been held, and what each entrant took."""

    contest: Contest
    results: Mapping[str, Result]


def hold(
    contest: Contest,
    *,
    rounds: int,
    most_seconds: float,
    expected_peaks: Mapping[str, float],
    told: Callable[[Result], None],
) -> Outcome:
    """Runs every entrant `rounds` times in turn and calls `told` after each run.

    The one that goes first changes with each round, so that none always finds the machine as the same other left it. A
    peer that fails, or would not fit into memory by `expected_peaks` (bytes by its name), is left out with a note.

    Raises:
        FailedRunError: the job failed, or an entrant does not tell of the records that there are.
    """
    results = {
        entrant.name: Result(entrant, entrant.records, entrant.input_bytes)
        for turn in contest.turns
        for entrant in turn
    }
    for name, result in results.items():
        expected = expected_peaks.get(name, 0.0)
        if not result.entrant.ours and expected > MEMORY_SHARE * free_bytes():
            result.note = f"not run: would take some {expected / 1e9:.0f} GB of memory"
    for number in range(rounds):
        for turn in contest.turns if number % 2 == 0 else reversed(contest.turns):
            with TemporaryDirectory(prefix="compare-") as temporary:
                for entrant in turn:
                    result = results[entrant.name]
                    if result.note is None:
                        _run(result, Path(temporary), most_seconds=most_seconds)
                        told(result)
    return Outcome(contest, results)


def _run(result: Result, folder: Path, *, most_seconds: float) -> None:
    """Runs an entrant once and adds what it took, or notes why it did not come to its end."""
    entrant = result.entrant
    output = folder / f"stdout{len(list(folder.glob('stdout*')))}"
    words = entrant.command(folder / "dataset")
    # The project may be run from a checkout that is not installed.
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    measurement = measure(
        words,
        output=output,
        environment={"PYTHONPATH": path},
        exports=entrant.read,
        most_seconds=most_seconds,
    )
    if measurement.stopped:
        problem = f"stopped after {most_seconds:,.0f} s"
    elif measurement.exit_code != 0:
        problem = f"exit code {measurement.exit_code}"
    else:
        check(entrant, output)
        result.runs.append(measurement)
        return
    if entrant.ours:
        errors = output.with_name(f"{output.name}.err").read_bytes()[-ERROR_BYTES:].decode(errors="replace")
        raise FailedRunError(f"{problem} of {shlex.join(words)}\n{errors}")
    result.note = problem


def check(entrant: Entrant, output: Path) -> None:
    """Checks that what an entrant printed tells of the records that its exports hold.

    Raises:
        FailedRunError: it does not.
    """
    if not entrant.expected:
        return
    try:
        groups = json.loads(output.read_bytes())["groups"]
        found = {name: groups[name]["created"] + groups[name].get("updated", 0) for name in entrant.expected}
    except (ValueError, KeyError, TypeError):
        raise FailedRunError(f"{entrant.name} printed no JSON object with the counts of its groups") from None
    if found != dict(entrant.expected):
        raise FailedRunError(f"{entrant.name} accepted {found}, the exports hold {dict(entrant.expected)}")


def free_bytes() -> int:
    """Returns the memory that is free, or would be freed for a new process."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) * 1024
    raise OSError("no MemAvailable in /proc/meminfo")
