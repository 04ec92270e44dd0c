"""Completes an argument that is a field, a category or an unfinished query, for the completion scripts."""

import os
import re
from collections.abc import Sequence
from itertools import takewhile

from pipelines.queries.quoting import text_value
from pipelines.queries.suggestions import BEGINNINGS, Suggestion, suggestions, version_numbers
from transforms.rules.export_rows import Group

_PART = r'(?:\w+|"(?:[^"\\]|\\.)*(?:"|\Z))'
_TOKEN = re.compile(rf"(?P<path>{_PART}(?:\.(?:{_PART})?)*)|(?P<comparator>!?=)|\s+|.", re.DOTALL)


def words(
    dataset: str, text: str, prefix: str | None, group: Group, within: str, version: int | None = None
) -> list[str]:
    """The words that complete an argument, not quoted for the shell.

    A shell replaces the typed text by the common beginning of these words, which is at least the typed text.

    Args:
        dataset: As typed, with `~` not expanded.
        text: The typed part of a field or of a query.
        prefix: The typed part of a category of the field, None to complete the field.
        group: The group whose rows are listed.
        within: `query` if the text is a query, `version` if it is the number of a version.
        version: Number of the version, None for the current one.

    Raises:
        UsageError: There is no dataset.
    """
    place = dataset if "://" in dataset else os.path.expanduser(dataset)  # noqa: PTH111 - a `Path` would lose a slash
    if within == "version":
        return [f"{number}" for number in version_numbers(place) if f"{number}".startswith(text)]
    if prefix is not None:
        return [
            each.name for each in suggestions(place, text, prefix, group, version).found if each.name.startswith(prefix)
        ]
    if within != "query":
        return _argument(text, suggestions(place, text, None, group, version).found)
    begun, last, compared = _last(text)
    if compared is not None:
        found = [text_value(each.name) for each in suggestions(place, compared, "", group, version).found]
        return _whole(begun, [each for each in found if each.startswith(last)])
    if "." not in last:
        return _whole(begun, [path for path in BEGINNINGS if path.startswith(last)])
    return _whole(begun, _paths(last, suggestions(place, last, None, group, version).found))


def _last(text: str) -> tuple[str, str, str | None]:
    """The text before the last path or value of a query, that path or value, and the path it is compared with."""
    tokens = [found for found in _TOKEN.finditer(text) if not found[0].isspace()]
    last = ""
    if tokens and tokens[-1].end() == len(text) and tokens[-1]["path"]:
        last = tokens.pop()[0]
    compared = None if "." in last else _compared([found[0] for found in tokens])
    return text[: len(text) - len(last)], last, compared


def _compared(tokens: Sequence[str]) -> str | None:
    """The path that the next value is compared with; None where no value stands next."""
    match tokens:
        case [*_, path, "IN", "("]:
            return path
        case [*_, path, "=" | "!="]:
            return path
        case [*before, _, ","]:  # the values before are passed over
            return _compared(before)
        case _:
            return None


def _whole(begun: str, found: Sequence[str]) -> list[str]:
    return [f"{begun}{each}" for each in found]


def _argument(text: str, found: Sequence[Suggestion]) -> list[str]:
    """Fields as an argument of `suggest`: keys, quoted where they would be read as something else."""
    return _paths(
        text,
        [
            Suggestion(each.path, each.name, each.what, "quoted")
            if not each.path and (each.name.startswith(("-", "~")) or not each.name.isprintable())
            else each
            for each in found
        ],
    )


def _paths(typed: str, found: Sequence[Suggestion]) -> list[str]:
    """The paths as written, or all quoted if only then their common beginning is at least the typed text."""
    exact = [each.written() for each in found if each.written().startswith(typed)]
    if len(exact) == len(found):
        return exact
    every = [each.written(quotes=True) for each in found]
    common = sum(1 for _ in takewhile(lambda characters: len(set(characters)) == 1, zip(*every, strict=False)))
    return every if len(every) == 1 or common >= len(typed) else exact
