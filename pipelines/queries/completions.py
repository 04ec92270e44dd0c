"""Completes a query at the cursor: names, categories, operators and words, as they may stand there."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict, get_args

from pipelines.queries.annotation_paths import AnnotationName
from pipelines.queries.columns import Located
from pipelines.queries.completed_paths import Named, matching, paths
from pipelines.queries.completed_values import conditions
from pipelines.queries.conditions import AnnotationGroup, Annotations, Value
from pipelines.queries.faults import QueryError, QueryFault
from pipelines.queries.names import Names
from pipelines.queries.operands import kind_of
from pipelines.queries.parser import expected_after, parse
from pipelines.queries.paths import resolve_path
from pipelines.queries.quoting import text_value, unquoted
from pipelines.queries.syntax import Comparison, Path
from transforms.rules.export_rows import Group

MOST = 50
"""Suggestions that are given at most."""
_PART = r'(?:\w+|"(?:[^"\\]|\\.)*(?:"|\Z))'
_TOKEN = re.compile(rf"(?P<path>{_PART}(?:\s*\.\s*(?:{_PART})?)*)|(?P<comparator>[=!<>]+)|(?P<space>\s+)|.", re.DOTALL)
_REMAINING = re.compile(r'(?:[^"\\]|\\.)*"|\w*', re.DOTALL)
_GROUPS: Mapping[str, Group] = {"item": "items", "scene": "scenes"}
_WORDS: Sequence[tuple[str, str, str]] = (
    ("_AND", "AND", "both"),
    ("_OR", "OR", "one of both"),
    ("_ORDER", "ORDER BY", "order of the rows"),
    ("_SAMPLE", "SAMPLE", "so many rows, drawn"),
    ("DESC", "DESC", "descending"),
    ("ASC", "ASC", "ascending"),
    ("MISSING", "MISSING", "has no value"),
    ("PRESENT", "PRESENT", "has a value"),
    ("_NOT", "NOT", "the opposite"),
)
"""Terminals of the grammar with the words that they stand for, and what these mean."""
_OPERATORS: Sequence[tuple[str, str, str]] = (
    *((each, "compare", "ntuc") for each in ("=", "!=")),
    *((each, "compare", "ntuc") for each in ("<", "<=", ">", ">=")),
    ("IN", "one of several", "ntuc"),
    ("CONTAINS", "a part of a text", "tuj"),
    ("IS MISSING", "has no value", "ntulj"),
    ("IS PRESENT", "has a value", "ntulj"),
    ("WITHIN", "a box of degrees", "l"),
)
"""Operators, what they do, and what they are for: numbers, texts, unknown paths, counts, locations, lists (`j`)."""


class SuggestionJson(TypedDict):
    """A suggestion for programs; what it is: the type of a field, the number of rows with a category, a meaning."""

    text: str
    kind: Literal["field", "category", "label", "run", "taxonomy", "operator", "word"]
    detail: str


Kind: TypeAlias = Literal["field", "category", "label", "run", "taxonomy", "operator", "word"]


@dataclass(frozen=True, slots=True)
class Completion:
    """What can stand at the cursor.

    Attributes:
        start: First character that a suggestion replaces, from 0.
        end: The character behind the last that it replaces.
        suggestions: The most likely first, at most `MOST`.
    """

    start: int
    end: int
    suggestions: tuple[SuggestionJson, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["path", "comparator", "other"]
    text: str
    start: int
    stop: int


def completion(text: str, cursor: int, group: Group, names: Names) -> Completion:
    """Completes a query at the cursor.

    Args:
        text: The query as far as it is written; what stands behind the cursor stays.
        cursor: Number of characters before the cursor; one beyond the text is at its end.
        group: The group whose rows are listed.
        names: The names of the version.
    """
    cursor = max(0, min(cursor, len(text)))
    tokens = [each for each in _tokens(text[:cursor]) if not each.text.isspace()]
    start, typed = cursor, ""
    if tokens and tokens[-1].kind != "other" and tokens[-1].stop == cursor:
        last = tokens[-1]
        if last.kind == "path" or last.text not in _COMPARATORS:
            start, typed = last.start, last.text
            tokens.pop()
    end = cursor + _remaining(text, cursor, typed)
    glued = typed.startswith('"') and re.search(r"\w\Z", text[:start])  # a name would go on with the word before it
    found = [] if glued else _found(text[:start], tokens, typed, group, names)
    return Completion(start, end, tuple(found[:MOST]))


_COMPARATORS = tuple(each for each, _, _ in _OPERATORS[:6])


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        kind: Literal["path", "comparator", "other"] = "other"
        if found["path"]:
            kind = "path"
        elif found["comparator"]:
            kind = "comparator"
        yield _Token(kind, found[0], found.start(), found.end())


def _remaining(text: str, cursor: int, typed: str) -> int:
    """How many characters behind the cursor belong to the word that is typed."""
    if not typed or typed[0] in "=!<>":
        return 0
    quotes = len(re.findall(r'(?<!\\)"', typed))
    found = _REMAINING.match(text, cursor) if quotes % 2 else re.compile(r"\w*").match(text, cursor)
    return len(found[0]) if found else 0


def _found(before: str, tokens: Sequence[_Token], typed: str, group: Group, names: Names) -> list[SuggestionJson]:
    expected = expected_after(before)
    if expected is None or (typed[:1] in tuple("=!<>") and "COMPARATOR" not in expected):
        return []
    if "COMPARATOR" in expected:
        listed = [each for each in _operators(tokens, typed, group, names) if _terminal(each["text"]) in expected]
        return [*listed, *_words(expected, typed)]
    if "NAME" not in expected:
        return _words(expected, typed)
    compared = _compared(tokens)
    if compared is not None:
        values = _values(compared, typed, group, names)
        return values if "." not in typed else [*values, *_paths(typed, group, names)]
    if tokens and tokens[-1].text == "CONTAINS":
        return []
    begins = "_NOT" in expected and "." not in typed  # a condition, not a part of one
    by_value = [_json(each) for each in conditions(typed, group, names)] if begins else []
    return [*_paths(typed, group, names), *by_value, *_words(expected, typed)]


def _words(expected: Iterable[str], typed: str) -> list[SuggestionJson]:
    known = {word: Named(word, "word", meaning) for terminal, word, meaning in _WORDS if terminal in set(expected)}
    return [_json(known[word]) for word in matching(known, typed)]


def _paths(typed: str, group: Group, names: Names) -> list[SuggestionJson]:
    return [_json(each) for each in paths(typed, group, names)]


def _compared(tokens: Sequence[_Token]) -> str | None:
    """The path whose values are written next: before a comparator, or before IN and its parenthesis."""
    if len(tokens) > 1 and tokens[-1].kind == "comparator" and tokens[-2].kind == "path":
        return tokens[-2].text
    at = len(tokens) - 1
    while at >= 0 and (
        tokens[at].text == "," or (tokens[at].kind == "path" and at > 0 and tokens[at - 1].text in ",(")
    ):
        at -= 1
    if at > 1 and tokens[at].text == "(" and tokens[at - 1].text == "IN" and tokens[at - 2].kind == "path":
        return tokens[at - 2].text
    return None


def _resolved(path: str, group: Group, names: Names) -> object:
    """What a path names; None for none."""
    try:
        tree = parse(f"{path} = 1")
        if isinstance(tree, Comparison) and isinstance(tree.left, Path):
            return resolve_path(tree.left, group, names)
    except (QueryError, QueryFault):
        pass
    return None


def _terminal(operator: str) -> str:
    """The terminal of the grammar with which an operator begins."""
    return f"_{operator.split(maxsplit=1)[0]}" if operator[0].isalpha() else "COMPARATOR"


def _operators(tokens: Sequence[_Token], typed: str, group: Group, names: Names) -> list[SuggestionJson]:
    of = _resolved(tokens[-1].text, group, names) if tokens and tokens[-1].kind == "path" else None
    match of:
        case Located():
            use = "l"
        case Value(column=column) if column.storage == "json":
            use = "j"
        case Value():
            use = {"number": "n", "text": "t", None: "u"}[kind_of(of)]
        case AnnotationName(is_taxonomy=True):
            use = "t"
        case None:
            use = "u"
        case _:
            use = "c"
    known = {text: Named(text, "operator", meaning) for text, meaning, uses in _OPERATORS if use in uses}
    return [_json(known[text]) for text in matching(known, typed)]


def _values(path: str, typed: str, group: Group, names: Names) -> list[SuggestionJson]:
    known = _categories(_resolved(path, group, names), group, names)
    listed: list[SuggestionJson] = []
    for value in matching(known, unquoted(typed)):
        written = text_value(value)
        if typed.startswith('"') and not written.startswith('"'):
            written = text_value(value, always=True)
        listed.append({**_json(known[value]), "text": written})
    return listed


def _categories(of: object, group: Group, names: Names) -> dict[str, Named]:
    """The texts that a value can have, where they are known: the most frequent first."""
    counts: Mapping[str, int] = {}
    kind: Kind = "category"
    match of:
        case AnnotationName(is_taxonomy=True, annotations=annotations, part=part):
            counts = names.vocabulary(annotations.group).classes.get(part.text, {})
        case Value(place=place, column=column):
            of_group = place.group if isinstance(place, Annotations) else _GROUPS.get(place, group)
            if column.form == "metadata":
                categories = names.fields(of_group)[column.name]["categories"] or []
                counts = {each["value"]: each["count"] for each in categories}
            for each in get_args(AnnotationGroup):
                if each == of_group and column.form == "core":
                    known = names.vocabulary(each)
                    lists: Mapping[str, tuple[Mapping[str, int], Kind]] = {
                        "label": (known.labels, "label"),
                        "type": (known.types, "category"),
                        "model_run": (known.runs, "run"),
                        "taxonomy_name": (known.taxonomies, "taxonomy"),
                    }
                    counts, kind = lists.get(column.name, ({}, "category"))
    return {value: Named(value, kind, f"{count}") for value, count in counts.items()}


def _json(named: Named) -> SuggestionJson:
    return {"text": named.text, "kind": named.kind, "detail": named.detail}
