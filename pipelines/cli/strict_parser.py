"""Defines the argument parser of all commands: strict, with one-line errors that suggest the nearest known name."""

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, get_args

from pipelines.errors import UsageError
from pipelines.streams import emit_text
from transforms.rules.near_names import hint, suggestion
from transforms.rules.rejections import shown

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

Color = Literal["auto", "always", "never"]
COLORS = get_args(Color)
GROUPS = ("items", "scenes", "annotations", "predictions")
_FLAG = re.compile(r"-[^0-9.]")
"""The beginning of a flag; a negative number is a value."""


class StrictParser(argparse.ArgumentParser):
    """A parser whose errors are one line: the mistake, the nearest known name, and where to find help."""

    def error(self, message: str) -> NoReturn:
        """Raises the error.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        """Prints the help; argparse says nothing where standard output does not take it."""
        if file is None:
            emit_text(self.format_help())
        else:
            super().print_help(file)

    def parse_known_args(  # type: ignore[override] # argparse declares overloads of it
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuses unknown flags first: a mistyped required flag would otherwise be reported as missing."""
        known = [flag for action in self._actions for flag in action.option_strings]
        commands = any(isinstance(action, argparse._SubParsersAction) for action in self._actions)  # noqa: SLF001 - argparse has no other name for it
        for word in args or ():
            if commands and not word.startswith("-"):
                break  # what follows belongs to the command
            flag = word.partition("=")[0]
            # argparse takes a word with a space in it as a value.
            if _FLAG.match(word) and flag not in known and " " not in word:
                self.error("; ".join(filter(None, (f"unknown flag {flag}", suggestion(flag, known)))))
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            raise argparse.ArgumentError(None, f"unknown command {shown(value)}; {hint(str(value), choices)}")
        fault = f"expected one of {', '.join(choices)}, got {shown(value)}"
        raise argparse.ArgumentError(action, "; ".join(filter(None, (fault, suggestion(str(value), choices)))))


Commands: TypeAlias = "argparse._SubParsersAction[StrictParser]"  # noqa: SLF001 - argparse has no other name for it


def add_color(command: argparse.ArgumentParser) -> None:
    """Adds `--color`."""
    command.add_argument(
        "--color", choices=COLORS, default="auto", help="auto (default): at a terminal, unless NO_COLOR is set"
    )
