"""Explains syntax errors of queries: what was expected, and what to write instead."""

from collections.abc import Set as AbstractSet

from pipelines.queries.faults import QueryFault
from pipelines.queries.syntax import Span

COMPARATORS = "= != < <= > >="
_OPERAND = "NAME"
_COMPARED = "COMPARATOR"
_PART = "PART"
_HINTS = {
    "and": "write AND in capitals",
    "or": "write OR in capitals",
    "within": "write WITHIN in capitals",
    "&": "write AND between conditions",
    "|": "write OR between conditions",
    "~": "there are no patterns: compare with = or !=",
    "!": "write != for unlike; there is no NOT",
    "'": 'write texts in double quotes: "..."',
    "`": 'write names in double quotes: metadata."..."',
    "*": "there is no multiplication: only + - and % are known",
    "/": "there is no division: only + - and % are known",
    "[": "a part of a path comes after a dot, in double quotes if it is no plain word",
    "$": 'write names in double quotes: metadata."..."',
    "not": "there is no NOT: negate the comparison instead, such as != for =",
    "in": "there is no IN: write a = b OR a = c",
    "like": "there are no patterns: compare with = or !=",
    "contains": "there are no patterns: compare with = or !=",
    "is": "there is no IS: compare with = or !=, which holds for records without the field too",
}
_NOT = {"not": _HINTS["not"]}
"""Hints for words whose mistake shows only at the next word."""


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
    what = _what(expected)
    seen = f"got {_named(got)}" if got else "got the end"
    return QueryFault(f"expected {what}, {seen}", span, _advice(text, start, got, expected))


def _what(expected: AbstractSet[str]) -> str:
    if _OPERAND in expected:
        return "a field or a value"
    if _PART in expected:
        return "a name"
    if expected <= {"NUMBER", "MINUS"} and expected:
        return "a number"
    words = []
    if _COMPARED in expected:
        words.append(f"one of {COMPARATORS}")
    else:
        words += [name for terminal, name in (("_AND", "AND"), ("_OR", "OR")) if terminal in expected]
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
    previous = before.rpartition(" ")[2].casefold()
    hint = None if got in ("AND", "OR", "WITHIN") else _HINTS.get(got.casefold(), _NOT.get(previous))
    if got.startswith(("=", ">", "<")) and before.endswith(("=", "<", ">", "!")):
        hint = f"write one of {COMPARATORS}"
    elif not text.strip():
        hint = "write a condition, such as metadata.weather = rain"
    return hint or next(advice for terminals, advice in _ADVICE if not terminals or expected & terminals)


_ADVICE: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"NAME"}), 'write a field such as metadata.weather, a number, a date, a word or a "text in quotes"'),
    (frozenset({"PART"}), 'write a name after the dot, in double quotes if it is no plain word: metadata."a name"'),
    (frozenset({"COMPARATOR"}), f"compare it: {COMPARATORS}; what is no plain word is written in double quotes"),
    (frozenset({"NUMBER", "COMMA"}), "a box is four numbers in degrees: location WITHIN (SOUTH, WEST, NORTH, EAST)"),
    (frozenset({"RPAR"}), "close the parenthesis with ), or put AND or OR between conditions"),
    (frozenset(), 'put AND or OR between conditions, and texts that are no plain word in double quotes: "two words"'),
)
"""What to write if one of these terminals is expected; the first match counts, the last always matches."""
