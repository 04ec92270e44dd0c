"""Scripts that make a shell complete commands, flags, their choices, and the fields of a dataset."""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FIELDS = ("query", "suggest")
"""Commands whose second argument is a field, or begins with one."""


@dataclass(frozen=True, slots=True)
class _Flag:
    """A flag of a command.

    Attributes:
        choices: What it takes, where that is known.
        takes: Whether it takes anything.
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
    """The script for a shell.

    Args:
        shell: bash, zsh or fish.
        parser: All commands.
    """
    commands = list(_commands(parser))
    match shell:
        case "fish":
            return _fish(commands)
        case "zsh":
            return (
                f"autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n{_bash(commands)}"
            )
        case _:
            return _bash(commands)


def _commands(parser: argparse.ArgumentParser) -> Iterator[_Command]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list what it takes
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            helps = {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001 - likewise
            for name, command in action.choices.items():
                flags: list[_Flag] = []
                choices: tuple[str, ...] = ()
                for each in command._actions:  # noqa: SLF001 - likewise
                    known = tuple(map(str, each.choices or ()))
                    flags += [
                        _Flag(flag, known, each.nargs != 0, each.help or "")
                        for flag in each.option_strings
                        if flag.startswith("--")
                    ]
                    if not each.option_strings and known:
                        choices = known
                yield _Command(name, helps[name], tuple(flags), choices)


def _bash(commands: list[_Command]) -> str:
    taking = sorted({flag.name for command in commands for flag in command.flags if flag.takes})
    chosen = "\n".join(
        f"    '{command.name} {flag.name}') {_words(flag.choices)}; return ;;"
        for command in commands
        for flag in command.flags
        if flag.choices
    )
    flags = "\n".join(f"      {command.name}) {_words(flag.name for flag in command.flags)} ;;" for command in commands)
    first = "\n".join(
        f"    '{command.name} 1') {_words(command.choices)}; return ;;" for command in commands if command.choices
    )
    return _BASH.format(
        names=" ".join(command.name for command in commands),
        taking="|".join(taking),
        chosen=chosen,
        flags=flags,
        first=first,
        fields="|".join(FIELDS),
    )


def _words(words: Iterable[str]) -> str:
    return f"COMPREPLY=($(compgen -W '{' '.join(words)}' -- \"$cur\"))"


_BASH = """\
# Completion of metadata-etl: source <(metadata-etl completion bash)
_metadata_etl_lines() {{
  # Lines that complete the last word of $1, which may hold blanks; what is suggested is what comes after it.
  local text="$1" line
  shift
  while IFS=$'\\t' read -r line _; do
    [[ "$line" == "${{text##* }}"* ]] && COMPREPLY+=("${{text%"${{text##* }}"}}$line")
  done < <(metadata-etl suggest "$@" 2>/dev/null)
}}
_metadata_etl() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD - 1]}}"
  local command="" dataset="" field="" group="items" words=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in
    --group) group="${{COMP_WORDS[i + 1]}}"; ((i++)) ;;
    {taking}) ((i++)) ;;
    -*) ;;
    *)
      case $words in
      0) command="${{COMP_WORDS[i]}}" ;;
      1) dataset="${{COMP_WORDS[i]}}" ;;
      2) field="${{COMP_WORDS[i]}}" ;;
      esac
      ((words++))
      ;;
    esac
  done
  COMPREPLY=()
  case "$command $previous" in
{chosen}
  esac
  if [[ "$cur" == -* ]]; then
    case "$command" in
{flags}
    esac
    return
  fi
  case "$command $words" in
{first}
  esac
  case $words in
  0) COMPREPLY=($(compgen -W '{names}' -- "$cur")) ;;
  1) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
  2)
    case "$command" in
    {fields})
      local text="${{cur#[\\"\\']}}"
      _metadata_etl_lines "$text" "$dataset" "${{text##* }}" --group "$group"
      ;;
    esac
    ;;
  3) [[ "$command" == suggest ]] && _metadata_etl_lines "$cur" "$dataset" "$field" "$cur" --group "$group" ;;
  esac
}}
complete -o default -F _metadata_etl metadata-etl
"""


def _fish(commands: list[_Command]) -> str:
    lines = ["# Completion of metadata-etl: metadata-etl completion fish | source", "complete -c metadata-etl -f"]
    for command in commands:
        lines.append(f"complete -c metadata-etl -n __fish_use_subcommand -a {command.name} -d {_quoted(command.help)}")
        seen = f"-n '__fish_seen_subcommand_from {command.name}'"
        for flag in command.flags:
            takes = f" -x -a '{' '.join(flag.choices)}'" if flag.choices else " -r" if flag.takes else ""
            lines.append(f"complete -c metadata-etl {seen} -l {flag.name[2:]}{takes} -d {_quoted(flag.help)}")
        if command.choices:
            lines.append(f"complete -c metadata-etl {seen} -a '{' '.join(command.choices)}'")
        else:
            lines.append(f"complete -c metadata-etl {seen} -F")
    at_field = f"__fish_seen_subcommand_from {' '.join(FIELDS)}; and test (count (commandline -opc)) -ge 3"
    suggested = "(metadata-etl suggest (commandline -opc)[3] (commandline -ct) 2>/dev/null)"
    lines.append(f"complete -c metadata-etl -n '{at_field}' -a '{suggested}'")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
