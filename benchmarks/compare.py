"""Compares `metadata-etl ingest` with a plain single-process script, on the same exports in the same minutes.

    python benchmarks/compare.py --sizes 100000,1000000 --rounds 3

Prints what each round took, then the medians and their ratios. Asserts nothing about time; ends with 1 if a command
fails or the two do not accept equally many records.
"""

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import exports
from processes import Measurement, measure

HERE = Path(__file__).resolve().parent
ERROR_BYTES = 2_000
PIPELINE, COMMAND, PLAIN = "metadata-etl", "--command", "plain script"
HEADER = f"{'records':>10}  {'program':<14}{'wall s':>9}{'CPU s':>9}{'peak MiB':>10}{'procs':>7}{'records/s':>12}"


class FailedRunError(Exception):
    """A command that ended with another exit code than 0, or whose counts are not those of the other."""


@dataclass(frozen=True, slots=True)
class Run:
    """A measured run and the records that it says it accepted (None if it does not say)."""

    measurement: Measurement
    accepted: int | None


def ingest_command(items: Sequence[Path], dataset: Path) -> list[str]:
    """Returns the pipeline's command line for an empty dataset."""
    given = [argument for path in items for argument in ("--items", str(path))]
    return [sys.executable, "-m", "pipelines.cli", "ingest", "--dataset", str(dataset), *given, "--json", "--quiet"]


def plain_command(items: Sequence[Path], dataset: Path) -> list[str]:
    """Returns the command line of the plain script."""
    return [sys.executable, str(HERE / "plain_script.py"), *map(str, items), "--out", str(dataset)]


def custom_command(template: str, items: Sequence[Path], dataset: Path) -> list[str]:
    """Returns the words of `template`, with {dataset} filled in and the word {items} as one word per export.

    >>> custom_command("run {items} --to {dataset}/x", [Path("a"), Path("b")], Path("d"))
    ['run', 'a', 'b', '--to', 'd/x']
    """
    words: list[str] = []
    for word in shlex.split(template):
        words += map(str, items) if word == "{items}" else [word.replace("{dataset}", str(dataset))]
    return words


def accepted(output: Path) -> int | None:
    """Returns the created items that the JSON object in `output` tells of, or None if there is no such object."""
    try:
        created = json.loads(output.read_bytes())["groups"]["items"]["created"]
    except (ValueError, KeyError, TypeError):
        return None
    return created if isinstance(created, int) else None


def run_once(command: Callable[[Sequence[Path], Path], list[str]], items: Sequence[Path]) -> Run:
    """Runs a command on the exports into a new directory, which is gone afterwards.

    Raises:
        FailedRunError: with the end of what the command wrote to standard error.
    """
    with tempfile.TemporaryDirectory(prefix="compare-") as temporary:
        output = Path(temporary) / "stdout"
        words = command(items, Path(temporary) / "dataset")
        # The project may be run from a checkout that is not installed.
        path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
        measurement = measure(words, output=output, environment={"PYTHONPATH": path})
        if measurement.exit_code != 0:
            errors = output.with_name("stdout.err").read_bytes()[-ERROR_BYTES:].decode(errors="replace")
            raise FailedRunError(f"exit code {measurement.exit_code} of {shlex.join(words)}\n{errors}")
        return Run(measurement, accepted(output))


def line(records: int, program: str, measurements: Sequence[Measurement]) -> str:
    """Returns a line of the table: the medians of some runs."""
    wall = median(each.wall_seconds for each in measurements)
    cpu = median(each.cpu_seconds for each in measurements)
    peak = median(each.peak_bytes for each in measurements) / 2**20
    processes = max(each.processes for each in measurements)
    return f"{records:>10,}  {program:<14}{wall:>9.2f}{cpu:>9.2f}{peak:>10,.0f}{processes:>7}{records / wall:>12,.0f}"


def ratio_line(records: int, other: Sequence[Measurement], plain: Sequence[Measurement]) -> str:
    """Returns a line of the table: how many times more the plain script takes."""

    def ratio(of: Callable[[Measurement], float]) -> float:
        return median(map(of, plain)) / max(median(map(of, other)), 1e-9)

    wall, cpu = ratio(lambda each: each.wall_seconds), ratio(lambda each: each.cpu_seconds)
    memory = ratio(lambda each: each.peak_bytes)
    return f"{records:>10,}  {'plain / other':<14}{wall:>8.2f}x{cpu:>8.2f}x{memory:>9.2f}x{'':>7}{wall:>11.2f}x"


def compare(items: Sequence[Path], *, records: int, rounds: int, template: str | None) -> list[str]:
    """Runs both programs `rounds` times in turn, prints every run, and returns the lines of the summary.

    The one that goes first changes with each round, so that neither always finds the machine as the other left it.

    Raises:
        FailedRunError: if a command fails, or if the two tell different numbers of accepted records.
    """
    ours = ingest_command if template is None else lambda paths, dataset: custom_command(template, paths, dataset)
    name = PIPELINE if template is None else COMMAND
    programs = ((name, ours), (PLAIN, plain_command))
    runs: dict[str, list[Run]] = {name: [], PLAIN: []}
    for turn in range(rounds):
        for program, command in programs if turn % 2 == 0 else reversed(programs):
            run = run_once(command, items)
            runs[program].append(run)
            print(line(records, program, [run.measurement]), flush=True)
    told = {run.accepted for each in runs.values() for run in each} - {None}
    if len(told) > 1:
        counts = {program: sorted({str(run.accepted) for run in each}) for program, each in runs.items()}
        raise FailedRunError(f"the programs accepted different numbers of records: {counts}")
    taken = {program: [run.measurement for run in each] for program, each in runs.items()}
    return [
        *(line(records, program, taken[program]) for program in taken),
        ratio_line(records, taken[name], taken[PLAIN]),
    ]


def sizes(text: str) -> list[int]:
    """Returns the numbers of a comma-separated list, each 1 or more.

    >>> sizes("1000,20_000")
    [1000, 20000]
    """
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise ValueError(f"expected sizes of 1 or more, got {text}")
    return numbers


def machine() -> str:
    """Returns what the figures depend on, in one line."""
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}, load before {load:.2f}"


def main(arguments: Iterable[str] | None = None) -> int:
    """Runs the comparison that the command line asks for and returns the exit code."""
    parser = argparse.ArgumentParser(description="Compare metadata-etl ingest with a plain script on the same exports.")
    parser.add_argument("--sizes", type=sizes, default=[100_000, 1_000_000], help="records, e.g. 100000,1000000")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program per size (3)")
    parser.add_argument("--files", type=int, default=1, help="files that the export is split into (1)")
    parser.add_argument("--wide", action="store_true", help="items with 2,000 sparse fields")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", help="run this instead of metadata-etl; {items} and {dataset} are filled in")
    options = parser.parse_args(None if arguments is None else list(arguments))
    if options.rounds < 1 or options.files < 1:
        parser.error("--rounds and --files must be 1 or more")
    print(machine(), HEADER, sep="\n", flush=True)
    summary: list[str] = []
    for records in options.sizes:
        with tempfile.TemporaryDirectory(prefix="compare-exports-") as temporary:
            lines = exports.wide_lines if options.wide else exports.item_lines
            made = lines(records, options.seed)
            items = exports.write(made, records, out=Path(temporary), name="items", files=options.files)
            try:
                summary += compare(items, records=records, rounds=options.rounds, template=options.command)
            except FailedRunError as error:
                print(error, file=sys.stderr)
                return 1
    print(f"\nMedians of {options.rounds}", HEADER, *summary, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
