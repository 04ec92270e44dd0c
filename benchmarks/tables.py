"""The tables of a comparison: for the terminal, and as the section of a page that is written anew each time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contests import Ratio
from rich import box
from rich.table import Table as RichTable
from rounds import Outcome, Result

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        texts: how many columns, from the first on, are no figures.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


COLUMNS = ("wall s", "CPU s", "peak MiB", "processes", "records/s", "MB/s", "CPU us/KB", "first read s")


def figures(result: Result) -> list[str]:
    """Returns the medians of a result, in the order of `COLUMNS`."""
    wall = result.median(lambda run: run.wall_seconds)
    cpu = result.median(lambda run: run.cpu_seconds)
    peak = result.median(lambda run: run.peak_bytes)
    return [
        number(wall, ".2f"),
        number(cpu, ".2f"),
        number(None if peak is None else peak / 2**20, ",.0f"),
        str(max((run.processes for run in result.runs), default=UNKNOWN)),
        number(result.records / wall if wall and result.records else None, ",.0f"),
        number(result.input_bytes / 1e6 / wall if wall and result.input_bytes else None, ",.1f"),
        number(cpu * 1e9 / result.input_bytes if cpu and result.input_bytes else None, ",.1f"),
        number(result.median(lambda run: run.first_read_seconds), ".2f"),
    ]


def number(figure: float | None, form: str) -> str:
    """Returns a figure as text, or the sign for one that is not known."""
    return UNKNOWN if figure is None else format(figure, form)


def quotient(ratio: Ratio, result: Result, outcome: Outcome) -> float | None:
    """Returns a ratio of a result, None if one of the two did not come to its end."""
    reference = outcome.results.get(ratio.reference)
    if reference is None or not reference.wall or not result.wall:
        return None
    found = result.wall / reference.wall
    if ratio.per_byte:
        found *= reference.input_bytes / result.input_bytes
    return 1 / found if ratio.inverse else found


def table(outcome: Outcome) -> Table:
    """Returns the table of a contest: a row for every entrant."""
    rows = []
    for name, result in outcome.results.items():
        ratios = [number(quotient(ratio, result, outcome), ".2f") for ratio in outcome.contest.ratios]
        label = name if result.note is None else f"{name} ({result.note})"
        rows.append([label, *figures(result), *ratios])
    columns = ["", *COLUMNS, *(ratio.title for ratio in outcome.contest.ratios)]
    return Table(outcome.contest.title, columns, rows)


def rich(given: Table) -> RichTable:
    """Returns the table for the terminal."""
    drawn = RichTable(title=given.title, title_justify="left", box=box.SIMPLE_HEAD)
    for place, column in enumerate(given.columns):
        drawn.add_column(column, justify="left" if place < given.texts else "right")
    for row in given.rows:
        drawn.add_row(*row)
    return drawn


def markdown(given: Table) -> str:
    """Returns the table for a page.

    >>> print(markdown(Table("Start-up", ["", "wall s"], [["--help", "0.12"]])))
    Start-up:
    <BLANKLINE>
    | | wall s |
    |---|---:|
    | --help | 0.12 |
    """
    head = f"|{'|'.join(f' {column} ' if column else ' ' for column in given.columns)}|"
    rule = f"|{'---|' * given.texts}{'---:|' * (len(given.columns) - given.texts)}"
    return "\n".join([f"{given.title}:", "", head, rule, *(f"| {' | '.join(row)} |" for row in given.rows)])


def replaced(page: str, lines: Iterable[str]) -> str:
    r"""Returns a page with other lines between its markers.

    >>> replaced(f"a\n{BEGIN}\nold\n{END}\nb\n", ["new"]).splitlines()
    ['a', '<!-- bench:begin -->', 'new', '<!-- bench:end -->', 'b']

    Raises:
        ValueError: the page has not both markers, in this order.
    """
    before, begin, remaining = page.partition(f"{BEGIN}\n")
    _, end, after = remaining.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END} in the page")
    return "".join([before, begin, *(f"{line}\n" for line in lines), end, after])


def write(page: Path, lines: Iterable[str]) -> None:
    """Writes lines between the markers of a page.

    Raises:
        OSError: it cannot be read or written.
        ValueError: it has not both markers.
    """
    page.write_text(replaced(page.read_text("utf-8"), lines), "utf-8")
