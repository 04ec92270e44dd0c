"""Fits tables to the width of a terminal by cutting, folding and leaving out columns.

Rows wider than the terminal are the normal case. Identities are shown in full as long as there is any room for them,
numbers always; other columns become narrower. Columns that may be left out are dropped next, and the table names them.
If the columns do not fit even then, each row is printed as a block with one line for each column.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from pipelines.cli.console import DataConsole
from pipelines.streams import printable

Role = Literal["identity", "number", "text", "value", "remaining"]
Cell: TypeAlias = str | Sequence[str]
"""A text of one line, or several lines."""
LEAST = 12
"""Least width of a column in cells, unless it needs fewer."""
_NAME_SHARE, _LEAST_NAME = 0.4, 16
"""The share of the width that column names may take in blocks, and their least width in cells."""
_BORDERS = 3
"""Cells around each column: a line and two spaces."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its header.
        role: How it is narrowed. An identity is folded last, a number is never cut, a text is folded between words, a
            value is cut with an ellipsis, and `remaining` is cut, then left out.
        least: Least width in cells.
    """

    name: str
    role: Role = "text"
    least: int = LEAST


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table before layout.

    Attributes:
        columns: Of all rows.
        title: Above the table, if any.
        hint: How to see columns that are left out, for the line that names them.
        rows: Lists of cells, one for each column.
    """

    columns: Sequence[Column]
    title: str = ""
    hint: str = ""
    rows: list[Sequence[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """Adds a row."""
        self.rows.append(cells)

    def print(self, console: DataConsole) -> None:
        """Prints it within the width of the console."""
        table = _Table([each.name for each in self.columns], self.rows, console.encoding)
        widths = _widths(self.columns, table.natural, console.width)
        if widths is None:
            console.print(_blocks(self, table, console.width))
            return
        console.print(_table(self, table, widths))
        left_out = [table.header[at] for at, width in enumerate(widths) if width is None]
        if left_out:
            console.say(f"Left out, for want of room: {', '.join(left_out)}{f'; {self.hint}' if self.hint else ''}")


class _Table:
    """Escaped headers and cells, and the natural width of each column."""

    def __init__(self, header: Iterable[str], rows: Iterable[Sequence[Cell]], encoding: str) -> None:
        self.header = [printable(name, encoding) for name in header]
        self.rows = [[_lines(cell, encoding) for cell in row] for row in rows]
        self.ellipsis = ellipsis(encoding)
        self.natural = [cell_len(name) for name in self.header]
        for row in self.rows:
            for at, lines in enumerate(row):
                self.natural[at] = max(self.natural[at], *map(cell_len, lines))


def ellipsis(encoding: str) -> str:
    """The end of a text that is cut."""
    return "…" if encoding.startswith("utf") else "..."


def _lines(cell: Cell, encoding: str) -> list[str]:
    return [printable(line, encoding) for line in ((cell,) if isinstance(cell, str) else cell)] or [""]


def _widths(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int | None] | None:
    """The width of each column, None for one that is left out; None as a whole if the table does not fit."""
    whole = max(1, width - _BORDERS - 1)
    for with_remaining, full_identity in ((True, True), (False, True), (True, False), (False, False)):
        shown = [at for at, column in enumerate(columns) if with_remaining or column.role != "remaining"]
        room = width - 1 - _BORDERS * len(shown)
        least = {}
        for at in shown:
            match columns[at].role:
                case "number":
                    least[at] = natural[at]
                case "identity":
                    least[at] = min(natural[at], whole if full_identity else columns[at].least)
                case _:
                    least[at] = min(natural[at], columns[at].least)
        spare = room - sum(least.values())
        if spare >= 0:
            given = _shared(spare, {at: natural[at] - least[at] for at in shown}, columns)
            return [least[at] + given[at] if at in least else None for at in range(len(columns))]
    return None


def _shared(spare: int, wanted: dict[int, int], columns: Sequence[Column]) -> dict[int, int]:
    """Distributes spare cells: first to identities, last to `remaining`; small wishes first."""
    ranks = {"identity": 0, "remaining": 2}
    given = {}
    for rank in range(3):
        asking = sorted((want, at) for at, want in wanted.items() if ranks.get(columns[at].role, 1) == rank)
        for number, (want, at) in enumerate(asking):
            given[at] = min(want, spare // (len(asking) - number))
            spare -= given[at]
    return given


def _table(sheet: Sheet, table: _Table, widths: Sequence[int | None]) -> Table:
    made = Table(title=Text(sheet.title) if sheet.title else None, title_justify="left")
    for column, name, width in zip(sheet.columns, table.header, widths, strict=True):
        if width is not None:
            header = Text(name, overflow="fold", no_wrap=False)
            justify: Literal["right", "left"] = "right" if column.role == "number" else "left"
            made.add_column(header, width=width, overflow="fold", justify=justify)
    for row in table.rows:
        made.add_row(
            *(
                _cell(lines, width, column.role, table.ellipsis)
                for column, lines, width in zip(sheet.columns, row, widths, strict=True)
                if width is not None
            )
        )
    return made


def _cell(lines: Sequence[str], width: int, role: Role, end: str) -> Text:
    if role in ("value", "remaining"):
        lines = [_cut(line, width, end) for line in lines]
    return Text("\n".join(lines))


def _cut(line: str, width: int, end: str) -> str:
    if cell_len(line) <= width:
        return line
    text = Text(line)
    text.truncate(max(0, width - cell_len(end)), overflow="crop")
    return f"{text}{end}"


def _blocks(sheet: Sheet, table: _Table, width: int) -> Table:
    """A block for each row, a line for each column."""
    wanted = zip(sheet.columns, table.natural, strict=True)
    identity = max((natural for column, natural in wanted if column.role == "identity"), default=0)
    # Names are folded if an identity fits beside them then.
    most = max(LEAST, min(int(width * _NAME_SHARE), max(_LEAST_NAME, width - 2 - identity)))
    names = min(max(map(cell_len, table.header)), most)
    values = max(1, width - names - 2)
    made = Table.grid(padding=(0, 2, 0, 0))
    made.title, made.title_justify = Text(sheet.title) if sheet.title else None, "left"
    made.add_column(width=names, overflow="fold", style="bold")
    made.add_column(width=values, overflow="fold")
    for number, row in enumerate(table.rows):
        if number:
            made.add_row("", "")
        for column, name, lines in zip(sheet.columns, table.header, row, strict=True):
            cells = [_cut(line, 2 * values, table.ellipsis) for line in lines] if column.role == "remaining" else lines
            made.add_row(Text(name), Text("\n".join(cells)))
    return made
