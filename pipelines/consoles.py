"""Where tables go: a terminal with its width and colours, or a pipe, as wide as it takes and without any."""

import os
import sys

from rich.console import Console

from pipelines.arguments import Color

UNBOUNDED = 1_000_000
"""Columns of a line that nobody's window cuts."""


def console(color: Color = "auto", *, stderr: bool = False) -> Console:
    """A console on standard output or standard error.

    With `auto` there are colours at a terminal, unless NO_COLOR is set (https://no-color.org) or it is a dumb one;
    what is piped is never cut nor folded.
    """
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    colored = color == "always" or (
        color == "auto" and is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
    return Console(
        stderr=stderr,
        force_terminal=colored or is_terminal,
        color_system=None if not colored else "auto" if is_terminal else "standard",
        no_color=not colored,
        width=None if is_terminal else UNBOUNDED,
    )
