"""Generates the scripts by which a shell completes commands, flags, their choices, and fields of a dataset."""

import argparse
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources

FIELDS = ("query", "suggest")
"""Commands whose second argument is or begins with a field."""


@dataclass(frozen=True, slots=True)
class _Flag:
    """A flag of a command.

    Attributes:
        name: With dashes.
        choices: Its values, if they are known.
        takes: Whether it takes a value.
        help: One line.
    """

    name: str
    choices: tuple[str, ...]
    takes: bool
    help: str


@dataclass(frozen=True, slots=True)
class _Command:
    name: str
    help: str
    flags: tuple[_Flag, ...]
    choices: tuple[str, ...]
    """Of its first argument."""


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The completion script for a shell: its template, filled with the commands, flags and choices of the parser.

    Args:
        shell: bash, zsh or fish.
        parser: All commands.
    """
    commands = list(_commands(parser))
    taking = sorted({flag.name for command in commands for flag in command.flags if flag.takes})
    parts = _fish(commands) if shell == "fish" else _cases(commands, zsh=shell == "zsh")
    parts |= {
        "@TAKING@": (" " if shell == "fish" else "|").join(taking),
        "@NAMES@": " ".join(command.name for command in commands),
        "@FIELDS@": " ".join(FIELDS),
    }
    text = resources.files(__package__ or "").joinpath(f"completion.{shell}").read_text("utf-8")
    return re.sub("|".join(parts), lambda found: parts[found[0]], text)


def _commands(parser: argparse.ArgumentParser) -> Iterator[_Command]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list what it takes
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            helps = {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001 - likewise
            for name, command in action.choices.items():
                flags: list[_Flag] = []
                choices: tuple[str, ...] = ()
                for each in command._actions:  # noqa: SLF001 - likewise
                    known = tuple(map(str, each.choices or ()))
                    if each.help == argparse.SUPPRESS:
                        continue
                    flags += [
                        _Flag(flag, known, each.nargs != 0, each.help or "")
                        for flag in each.option_strings
                        if flag.startswith("--")
                    ]
                    if not each.option_strings and known:
                        choices = known
                yield _Command(name, helps[name], tuple(flags), choices)


def _cases(commands: list[_Command], *, zsh: bool) -> dict[str, str]:
    """The cases for bash or zsh, which differ in patterns and in how words are offered."""

    def case(pattern: str, words: Iterable[str]) -> str:
        listed = " ".join(words)
        if zsh:
            return f"  ('{pattern}') compadd -- {listed}; return ;;"
        return f"  '{pattern}') COMPREPLY=($(compgen -W '{listed}' -- \"$typed\")); return ;;"

    chosen = [
        case(f"{command.name} {flag.name}", flag.choices)
        for command in commands
        for flag in command.flags
        if flag.choices
    ]
    flags = [case(command.name, (flag.name for flag in command.flags)) for command in commands]
    first = [case(f"{command.name} 1", command.choices) for command in commands if command.choices]
    return {"@CHOSEN@": "\n".join(chosen), "@FLAGS@": "\n".join(flags), "@FIRST@": "\n".join(first)}


def _fish(commands: list[_Command]) -> dict[str, str]:
    lines = []
    for command in commands:
        lines.append(f"complete -c metadata-etl -n __fish_use_subcommand -a {command.name} -d {_quoted(command.help)}")
        seen = f"__fish_seen_subcommand_from {command.name}"
        for flag in command.flags:
            takes = f" -x -a '{' '.join(flag.choices)}'" if flag.choices else " -r" if flag.takes else ""
            if flag.name == "--version" and flag.takes:
                takes = " -x -a '(__metadata_etl_versions)'"
            lines.append(f"complete -c metadata-etl -n '{seen}' -l {flag.name[2:]}{takes} -d {_quoted(flag.help)}")
        if command.choices:
            lines.append(f"complete -c metadata-etl -n '{seen}' -a '{' '.join(command.choices)}'")
        else:
            lines.append(f"complete -c metadata-etl -n '{seen}; and __metadata_etl_takes_a_file' -F")
    return {"@COMMANDS@": "\n".join(lines)}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
