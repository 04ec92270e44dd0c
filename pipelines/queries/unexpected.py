"""Explains syntax errors of queries: what was expected, and what to write instead."""

import re
from collections.abc import Set as AbstractSet

from pipelines.queries.faults import QueryFault
from pipelines.queries.syntax import Span

COMPARATORS = "= != < <= > >="
_OPERAND = "NAME"
_WORDS = (
    *(("_AND", "AND"), ("_OR", "OR"), ("MISSING", "MISSING"), ("PRESENT", "PRESENT"), ("_BY", "BY"), ("DESC", "DESC")),
)
"""Terminals that a message names, with what they are called there."""
_COMPARED = "COMPARATOR"
_VALUES = frozenset({"NAME", "NUMBER", "MINUS", "DATE", "STRING"})
"""Terminals of the values between the parentheses of IN, which are no paths."""
_PART = "PART"
_CAPITALS = {
    word.casefold(): word
    for word in ("AND", "OR", "WITHIN", "NOT", "IN", "IS", "CONTAINS", "MISSING", "PRESENT", "DESC", "SAMPLE")
}
"""Words of the language by how they are mistyped."""
_HINTS = {
    "&": "write AND between conditions",
    "|": "write OR between conditions",
    "~": "there are no patterns: path CONTAINS text finds a part of a text",
    "!": "write != for unlike, and NOT before a condition",
    "'": 'write texts in double quotes: "..."',
    "`": 'write names in double quotes: metadata."..."',
    "*": "there is no multiplication: only + - and % are known",
    "/": "there is no division: only + - and % are known",
    "[": "a part of a path comes after a dot, in double quotes if it is no plain word",
    "$": 'write names in double quotes: metadata."..."',
    "like": "there are no patterns: path CONTAINS text finds a part of a text",
    "limit": "the number of rows is a flag of the command: --limit N; SAMPLE N draws rows",
    "order": "write ORDER BY path, or ORDER BY path DESC, behind all conditions",
    "null": "write path IS MISSING, or path IS PRESENT",
    "asc": "ascending is the usual order: leave it out, or write ASC",
}
_BEHIND = {
    "SAMPLE": "write how many rows to draw, such as SAMPLE 100",
    "%": "write a number after %: metadata.FIELD % 2 = 0",
    "CONTAINS": 'write a part of the text in quotes: path CONTAINS "..."',
}
"""What to write where a value or a number has to stand, by the word before it."""
_LISTED = 'write values with commas between: path IN (a, "b c", 3)'
_PRESENCE = re.compile(r"(NOT\s+)?(MISSING|PRESENT|NULL|NONE)\b", re.IGNORECASE)
"""What other languages have behind IS."""
_BEHIND_PATH = {
    "NOT": "write NOT before the whole condition: NOT path IN (a, b)",
}
"""Hints for words that stand behind a path."""


def unexpected(text: str, start: int, got: str, expected: AbstractSet[str]) -> QueryFault:
    """The fault of a query in which `got` follows at `start` where the grammar expects something else.

    Args:
        text: The query.
        start: Position of the mistake, in characters.
        got: The word found there, empty at the end of the query.
        expected: Terminals of the grammar that may follow there.
    """
    span = Span(start, start + max(1, len(got)))
    if got.startswith('"') and got == '"':
        return QueryFault(
            "expected a closing quote", Span(start, start + 1), 'write " at the end of the text, \\" in it'
        )
    seen = f"got {_named(got)}" if got else "got the end"
    advice = _advice(text, start, got, expected)
    presence = _PRESENCE.match(text, start) if "MISSING" in expected else None
    if presence is not None:
        instead = "PRESENT" if (presence[2].casefold() != "present") == bool(presence[1]) else "MISSING"
        place = Span(start, presence.end())
        return QueryFault(f"expected {_what(expected)}, {seen}", place, f"did you mean `{instead}`?", (instead,))
    capital, word = _capital(text, start, got, expected)
    if capital is not None:
        advice, span = f"write {capital} in capitals", word
    hints = () if capital is None else (capital,)
    return QueryFault(f"expected {_what(expected)}, {seen}", span, advice, hints)


def _capital(text: str, start: int, got: str, expected: AbstractSet[str]) -> tuple[str | None, Span]:
    """A word of the language that is not in capitals, and its place: the unexpected one, or the one before it."""
    capital = _CAPITALS.get(got.casefold())
    if capital is not None and capital != got and _terminals(capital) & expected:
        return capital, Span(start, start + len(got))
    # `not` at the start of a condition is taken for a column.
    before = text[:start].rstrip()
    if _COMPARED in expected and before.casefold().endswith("not") and not before.endswith("NOT"):
        word = Span(len(before) - len("not"), len(before))
        if not before[: word.start] or before[word.start - 1] in " \t\r\n(":
            return "NOT", word
    return None, Span(start, start)


def _terminals(word: str) -> set[str]:
    return {word, f"_{word}"}


def _what(expected: AbstractSet[str]) -> str:
    if expected == _VALUES:
        return "a value"
    if _OPERAND in expected:
        return "a field or a value"
    if _PART in expected:
        return "a name"
    if expected <= {"NUMBER", "MINUS"} and expected:
        return "a number"
    words = [name for terminal, name in _WORDS if terminal in expected]
    if _COMPARED in expected:
        words = [f"one of {COMPARATORS}"]
    words += [name for terminal, name in (("COMMA", "a comma"), ("LPAR", "("), ("RPAR", ")")) if terminal in expected]
    if "$END" in expected:
        words.append("the end")
    if not words:
        return "something else"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _named(got: str) -> str:
    return got if got.isprintable() and not got.isspace() else f"U+{ord(got[0]):04X}"


def _advice(text: str, start: int, got: str, expected: AbstractSet[str]) -> str:
    before = text[:start].rstrip()
    hint = _HINTS.get(got.casefold())
    if _COMPARED in expected:
        hint = _BEHIND_PATH.get(got, hint)
    if got.startswith(("=", ">", "<")) and before.endswith(("=", "<", ">", "!")):
        hint = f"write one of {COMPARATORS}"
    elif expected == _VALUES or expected <= {"NUMBER", "MINUS"}:
        last = before.rstrip("- ")
        listed = _LISTED if expected == _VALUES else None
        hint = hint or next((advice for word, advice in _BEHIND.items() if last.endswith(word)), listed)
    elif expected >= {"COMMA", "RPAR"}:
        hint = "put commas between the values, and texts that are no plain word in double quotes"
    elif not text.strip():
        hint = "write a condition, such as metadata.weather = rain"
    return hint or next(advice for terminals, advice in _ADVICE if not terminals or expected & terminals)


_ADVICE: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"NAME"}), 'write a field such as metadata.weather, a number, a date, a word or a "text in quotes"'),
    (frozenset({"PART"}), 'write a name after the dot, in double quotes if it is no plain word: metadata."a name"'),
    (
        frozenset({"COMPARATOR"}),
        f"compare it: {COMPARATORS}, IN, IS MISSING, CONTAINS; what is no plain word is written in double quotes",
    ),
    (frozenset({"NUMBER", "COMMA"}), "a box is four numbers in degrees: location WITHIN (SOUTH, WEST, NORTH, EAST)"),
    (frozenset({"MISSING"}), "write path IS MISSING, or path IS PRESENT"),
    (frozenset({"LPAR"}), "write the values in parentheses: path IN (a, b)"),
    (frozenset({"DESC"}), "write ORDER BY path, ORDER BY path DESC, and SAMPLE N behind it"),
    (frozenset({"RPAR"}), "close the parenthesis with ), or put AND or OR between conditions"),
    (frozenset(), 'put AND or OR between conditions, and texts that are no plain word in double quotes: "two words"'),
)
"""What to write if one of these terminals is expected; the first match counts, the last always matches."""
