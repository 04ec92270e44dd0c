"""Compares `metadata-etl ingest` with what one would write by hand, on the same exports in the same minutes.

    python benchmarks/compare.py --sizes 100000,1000000 --rounds 3

Prints what each run took, then a table of medians and ratios for each case, and writes the tables into a page if asked
to. Asserts nothing about time; ends with 1 if the job fails or a program does not find the records that there are.
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import exports
import goals
import kind_exports
import tables
from contests import CASES, Contest, Plan, contests
from programs import PEERS, Peer
from rich.console import Console
from rounds import FailedRunError, Outcome, Result, hold

SIZES = (100_000, 1_000_000, 5_000_000)
ROUNDS = 3
MOST_SECONDS = 1_800.0
KINDS = "kinds"
"""The case that is measured in this process, stage by stage, and has no peers."""
LIBRARIES = (
    "metadata-etl",
    "apache-beam",
    "polars",
    "numpy",
    "orjson",
    "fastavro",
    "duckdb",
)
WIDTH = 180
"""Columns of the tables where they are not printed to a terminal."""


def sizes(text: str) -> list[int]:
    """Returns the numbers of a comma-separated list, each 1 or more.

    >>> sizes("1000,20_000")
    [1000, 20000]
    """
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise ValueError(f"expected sizes of 1 or more, got {text}")
    return numbers


def cases(text: str) -> list[str]:
    """Returns the names of a comma-separated list of cases."""
    return _known(text, [*CASES, KINDS])


def peers(text: str) -> list[Peer]:
    """Returns the peers of a comma-separated list, in the order of the tables; none for an empty text."""
    wanted = _known(text, [peer.name for peer in PEERS])
    return [peer for peer in PEERS if peer.name in wanted]


def _known(text: str, known: Sequence[str]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, got {', '.join(unknown)}")
    return names


def machine() -> str:
    """Returns what the figures depend on, in one line."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    found = [f"{len(os.sched_getaffinity(0))} cores", f"{memory:.0f} GiB", platform.machine()]
    return ", ".join([*found, f"Python {platform.python_version()}", *_versions()])


def _versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def announce(contest: Contest) -> None:
    """Prints the title of a contest and the sizes of what is read in it."""
    amounts = {entrant.input_bytes for turn in contest.turns for entrant in turn} - {0}
    given = ", ".join(f"{amount / 1e6:,.1f} MB" for amount in sorted(amounts))
    print(f"\n{contest.case}: {contest.title}{f' ({given})' if given else ''}", flush=True)


def told(result: Result) -> None:
    """Prints what the last run of an entrant took."""
    if result.note is not None:
        print(f"  {result.entrant.name:<30} {result.note}", flush=True)
        return
    run = result.runs[-1]
    peak = run.peak_bytes / 2**20
    print(
        f"  {result.entrant.name:<30}{run.wall_seconds:>9.2f} s{run.cpu_seconds:>9.2f} s CPU{peak:>8,.0f} MiB",
        flush=True,
    )


def expected_peaks(contest: Contest, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Returns the bytes of memory that each entrant would take if they grew with the size of its input, by its name."""
    smaller = [outcome for outcome in outcomes if outcome.contest.case == contest.case]
    if not smaller:
        return {}
    last = smaller[-1]
    growth = contest.size / last.contest.size
    return {name: result.peak * growth for name, result in last.results.items() if result.peak}


def section(outcomes: Sequence[Outcome], *, rounds: int, load: float, others: Sequence[tables.Table] = ()) -> list[str]:
    """Returns the lines that the page has between its markers."""
    today = datetime.now(UTC).date().isoformat()
    wanted = [tables.table(outcome) for outcome in outcomes]
    reached = goals.table(outcomes)
    head = f"{today}, {machine()}; load before {load:.2f}. Medians of {rounds}, whole processes with start-up."
    parts = [tables.markdown(each) for each in (*wanted, *([reached] if reached.rows else []), *others)]
    return ["", head, "", *"\n\n".join(parts).splitlines(), ""]


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Returns the command line; ends the program where it makes no sense."""
    parser = argparse.ArgumentParser(description="Compare metadata-etl ingest with what one would write by hand.")
    every = ",".join([*CASES, KINDS])
    parser.add_argument("--cases", type=cases, default=[*CASES, KINDS], help=f"what to compare ({every})")
    parser.add_argument("--sizes", type=sizes, default=list(SIZES), help="items, e.g. 100000,1000000,5000000")
    parser.add_argument("--peers", type=peers, help=f"beside what ({','.join(peer.name for peer in PEERS)})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each program per case ({ROUNDS})")
    parser.add_argument("--files", type=int, default=1, help="files that an export is split into (1)")
    parser.add_argument("--small-files", type=int, default=10_000, help="files of the case `files` (10000)")
    parser.add_argument("--wide-records", type=int, default=exports.WIDE_RECORDS, help="of the case `wide` (100000)")
    parser.add_argument(
        "--kind-records", type=int, default=kind_exports.RECORDS, help="of each kind of the case `kinds` (40000)"
    )
    parser.add_argument(
        "--most-seconds", type=float, default=MOST_SECONDS, help="a run that takes longer is ended (1800)"
    )
    parser.add_argument("--page", type=Path, help="Markdown page to write the tables into, between its markers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--command", help="run this in place of the ingest; {items}, {annotations} and {dataset} are filled in"
    )
    options = parser.parse_args(given)
    if min(options.rounds, options.files, options.small_files, options.wide_records, options.kind_records) < 1:
        parser.error("--rounds, --files, --small-files, --wide-records and --kind-records must be 1 or more")
    if not options.cases:
        parser.error("--cases needs at least one")
    return options


def available(wanted: Sequence[Peer]) -> list[Peer]:
    """Returns the peers that can be run, and says of the others why not."""
    for peer in wanted:
        if peer.missing():
            print(f"left out: {peer.name} (not installed: {', '.join(peer.missing())}; see the extra `bench`)")
    return [peer for peer in wanted if not peer.missing()]


def main(given: Sequence[str] | None = None) -> int:
    """Runs the comparison that the command line asks for and returns the exit code."""
    options = arguments(given)
    load = os.getloadavg()[0]
    print(f"{machine()}; load {load:.2f}", flush=True)
    plan = Plan(
        sizes=sorted(options.sizes),
        peers=available(PEERS if options.peers is None else options.peers),
        seed=options.seed,
        files=options.files,
        small_files=options.small_files,
        wide_records=options.wide_records,
        command=options.command,
    )
    outcomes: list[Outcome] = []
    of_kinds: list[tables.Table] = []
    try:
        if options.page is not None:  # an hour is too late to learn that it cannot be written
            tables.replaced(options.page.read_text("utf-8"), [])
        for contest in contests([case for case in options.cases if case != KINDS], plan):
            announce(contest)
            outcome = hold(
                contest,
                rounds=options.rounds,
                most_seconds=options.most_seconds,
                expected_peaks=expected_peaks(contest, outcomes),
                told=told,
            )
            outcomes.append(outcome)
            if options.page is not None:  # what was measured stays, whatever becomes of the rest
                tables.write(options.page, section(outcomes, rounds=options.rounds, load=load))
        if KINDS in options.cases:
            import kinds  # noqa: PLC0415 - it loads the job and its libraries, for this case alone

            print(f"\n{KINDS}: {options.kind_records:,} records of each", flush=True)
            costs = kinds.compare(kinds.KINDS, options.kind_records, rounds=options.rounds, seed=options.seed)
            of_kinds.append(kinds.table(costs))
        if of_kinds and options.page is not None:
            tables.write(options.page, section(outcomes, rounds=options.rounds, load=load, others=of_kinds))
    except (FailedRunError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for each in (*map(tables.table, outcomes), goals.table(outcomes), *of_kinds):
        if each.rows:
            console.print(tables.rich(each))
    return 0


if __name__ == "__main__":
    sys.exit(main())
