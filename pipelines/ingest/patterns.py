"""Translates patterns of exports: the shell's `*`, `?` and `[...]`, and `**`, which also crosses folders.

As in a shell, a wildcard does not match a dot at the start of a name: `exports/*` leaves `.DS_Store` alone, and
`exports/.*` names it.
"""

import re

WILDCARDS = "*?["
_NOT_HIDDEN = r"(?!(?<![^/])\.)"
"""What stands before every wildcard: no dot at the start of the text or behind a slash."""


def is_pattern(text: str) -> bool:
    """Whether a text has a character that could make it a pattern."""
    return any(each in text for each in WILDCARDS)


def literal_prefix(pattern: str) -> str:
    """What every match of a pattern begins with: all before its first wildcard.

    >>> literal_prefix("exports/2026-*/items.ndjson")
    'exports/2026-'
    """
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0]


def translated(pattern: str) -> re.Pattern[str]:
    """A regular expression for the whole of a path that a pattern matches.

    Raises:
        ValueError: The pattern has a range of characters that ends before it begins, such as `[z-a]`.

    >>> expression = translated("a/*.ndjson")
    >>> [path for path in ("a/x.ndjson", "a/b/x.ndjson", "a/.x.ndjson") if expression.fullmatch(path)]
    ['a/x.ndjson']
    >>> [path for path in ("a/x.ndjson", "a/b/x.ndjson", "a/.b/x.ndjson") if translated("a/**.ndjson").fullmatch(path)]
    ['a/x.ndjson', 'a/b/x.ndjson']
    """
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        if pattern.startswith("**", place):
            part, place = f"(?:{_NOT_HIDDEN}.)*", place + 2
        elif pattern[place] == "*":
            part, place = f"{_NOT_HIDDEN}[^/]*", place + 1
        elif pattern[place] == "?":
            part, place = f"{_NOT_HIDDEN}[^/]", place + 1
        elif pattern[place] == "[" and (end := _class_end(pattern, place)) is not None:
            part, place = f"{_NOT_HIDDEN}(?!/){_class(pattern[place + 1 : end])}", end + 1
        else:
            part, place = re.escape(pattern[place]), place + 1
        parts.append(part)
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise ValueError(f"it is no pattern: {error.msg}") from error


def _class_end(pattern: str, start: int) -> int | None:
    """Where the `[...]` that begins at `start` ends; None where nothing ends it, and `[` means itself."""
    first = start + 1
    if pattern.startswith("!", first):
        first += 1
    end = pattern.find("]", first + 1)  # the first character may be `]`
    return None if end < 0 else end


def _class(inside: str) -> str:
    negated = inside.startswith("!")
    characters = re.sub(r"([\\\[\]&~|^])", r"\\\1", inside[1:] if negated else inside)
    return f"[{'^' if negated else ''}{characters}]"
