"""Makes the console that tables are printed on: a terminal with width and colours, or a pipe without either."""

import os
import sys
from contextlib import nullcontext

from rich.console import Console, HighlighterType, JustifyMethod, OverflowMethod
from rich.style import Style
from rich.text import Text

from pipelines.cli.strict_parser import Color
from pipelines.streams import printable, printing

UNBOUNDED = 1_000_000
"""Width in columns of output that is not for a terminal."""


class DataConsole(Console):
    """A console that prints texts literally: no markup, no emoji codes, and `printable` on each of them."""

    def on_broken_pipe(self) -> None:
        """Leaves it to the command: rich would end the process, with exit code 1 whatever was done."""
        raise BrokenPipeError

    def __exit__(self, *raised: object) -> None:
        """Writes what was printed in the block, as each call that prints does at its end."""
        with nullcontext() if self.stderr else printing():
            super().__exit__(None, None, None)

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,  # noqa: ARG002 - rich calls it so
        markup: bool | None = None,  # noqa: ARG002 - likewise
        highlight: bool | None = None,  # noqa: ARG002 - likewise
        highlighter: HighlighterType | None = None,  # noqa: ARG002 - likewise
    ) -> Text:
        """The `Text` of a string that is printed or in a cell."""
        return self.text(*text.split("\n"), style=style, justify=justify, overflow=overflow)

    def text(
        self,
        *lines: str,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
    ) -> Text:
        """Lines of text that may contain data, escaped."""
        escaped = "\n".join(printable(line, self.encoding) for line in lines)
        return Text(escaped, style=style, justify=justify, overflow=overflow)

    def say(self, text: str, *, wrap: bool = True) -> None:
        """Prints one line of text.

        Args:
            text: May contain data.
            wrap: Whether long lines are folded between words; not for lines with a path to copy.
        """
        self.print(self.text(text), soft_wrap=not wrap)


def console(color: Color = "auto", *, stderr: bool = False) -> DataConsole:
    """A console on standard output or standard error.

    With `auto` there are colours at a terminal, unless NO_COLOR is set (https://no-color.org) or TERM is `dumb`.
    Piped output is never cut or folded.
    """
    stream = sys.stderr if stderr else sys.stdout
    is_terminal = stream is not None and stream.isatty()
    colored = color == "always" or (
        color == "auto" and is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
    return DataConsole(
        stderr=stderr,
        force_terminal=colored or is_terminal,
        color_system=None if not colored else "auto" if is_terminal else "standard",
        no_color=not colored,
        width=None if is_terminal else UNBOUNDED,
        highlight=False,
    )
