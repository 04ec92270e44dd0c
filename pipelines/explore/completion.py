"""Completes a query at the cursor: paths, operators, values, and what may follow a condition."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from pipelines.explore.snapshots import Snapshot
from pipelines.queries.annotation_paths import RESERVED
from pipelines.queries.conditions import AnnotationGroup
from pipelines.queries.names import AXES, CORE, GEOMETRY
from pipelines.queries.written import quoted
from transforms.rules.export_rows import ANNOTATION_GROUPS, Group
from transforms.rules.schema_json import FieldJson

Kind = Literal["field", "category", "label", "run", "taxonomy", "operator", "word"]
MOST = 50
"""Suggestions that are given at most."""
_TOKEN = re.compile(
    r"""
    (?P<path>(?:\w+|"(?:[^"\\]|\\.)*")(?:\.(?:\w+|"(?:[^"\\]|\\.)*"))*\.?(?:"(?:[^"\\]|\\.)*$)?)
    | (?P<open>"(?:[^"\\]|\\.)*$)
    | (?P<comparator>!=|<=|>=|=|<|>|!)
    | (?P<sign>[-+%(),])
    | (?P<other>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[^\W\d]\w*")
_WORDS = frozenset({"AND", "OR", "WITHIN", "NOT", "IN", "IS", "CONTAINS", "ORDER", "BY", "SAMPLE", "DESC"})
_NUMBERS = ("=", "!=", "<", "<=", ">", ">=")
_TEXTS = ("=", "!=")
_ANNOTATIONS: tuple[AnnotationGroup, ...] = get_args(AnnotationGroup)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may stand at the cursor.

    Attributes:
        text: As it is written in a query.
        kind: What it is.
        detail: For a person: the type of a field, the number of records with a category.
    """

    text: str
    kind: Kind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """Suggestions for the characters from `start` to `end` of a query."""

    start: int
    end: int
    suggestions: tuple[Suggestion, ...]


def complete(snapshot: Snapshot, group: Group, text: str, cursor: int) -> Completion:
    """Completes a query of rows of a group.

    Args:
        snapshot: The version that is asked.
        group: The group that is listed.
        text: The query so far.
        cursor: Between which characters it is completed, 0 to the length of the text.
    """
    cursor = max(0, min(cursor, len(text)))
    tokens = list(_TOKEN.finditer(text[:cursor]))
    typed = tokens.pop() if tokens and tokens[-1].end() == cursor and tokens[-1].lastgroup in ("path", "open") else None
    if typed is None and tokens and tokens[-1].lastgroup == "comparator" and tokens[-1].end() == cursor:
        typed = tokens.pop()
    start = typed.start() if typed else cursor
    rest = re.match(r"\w*", text[cursor:]) if typed and typed.lastgroup == "path" else None
    end = cursor + (rest.end() if rest else 0)
    made = _Completer(snapshot, group, typed.group() if typed else "")
    found = made.after([_Token(each.lastgroup or "", each.group()) for each in tokens])
    return Completion(start, end, tuple(found)[:MOST])


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    def is_word(self, *words: str) -> bool:
        return self.kind == "path" and self.text in words


@dataclass(frozen=True, slots=True)
class _Completer:
    """Completes what is typed after some tokens."""

    snapshot: Snapshot
    group: Group
    typed: str

    def after(self, tokens: list[_Token]) -> Iterable[Suggestion]:
        """What may follow these tokens."""
        condition = _last_condition(tokens)
        last = tokens[-1] if tokens else None
        comparator = next((at for at, each in enumerate(condition) if each.kind == "comparator"), None)
        if last is None or last.is_word("AND", "OR", "NOT") or last.text in ("(", "+", "-"):
            return self._begun(self._paths()) if comparator is None else self._values(condition, comparator)
        if last.text == "%" or last.is_word("WITHIN") or last.text == ",":
            return ()
        if last.kind == "comparator":
            return self._values(condition, comparator or 0)
        if comparator is None and last.kind == "path":
            return self._begun(self._operators(last.text))
        if comparator is not None or last.text == ")":
            return self._begun([Suggestion("AND", "word", "both"), Suggestion("OR", "word", "either")])
        return ()

    def _begun(self, every: Iterable[Suggestion]) -> list[Suggestion]:
        """Those that begin as typed, then those whose last name does, then those that have it somewhere."""
        typed = self.typed.casefold()
        ranked: list[tuple[int, Suggestion]] = []
        name = _bare(typed)
        for each in every:
            text = each.text.casefold()
            if text == typed and each.kind not in ("operator", "word"):
                ranked.append((0, each))
            elif text.startswith(typed) or _bare(text).startswith(name):
                ranked.append((1, each))
            elif any(_bare(part).startswith(name) for part in _parts(text)):
                ranked.append((2, each))
            elif len(name) > 1 and name in _bare(text):
                ranked.append((3, each))
        return [each for _, each in sorted(ranked, key=lambda pair: pair[0])]

    def _operators(self, path: str) -> Iterator[Suggestion]:
        if path.rpartition(".")[2] == "location":
            yield Suggestion("WITHIN", "operator", "(SOUTH, WEST, NORTH, EAST)")
            return
        field = self._field(path)
        texts = field is not None and field["storage"] == "string"
        for each in _TEXTS if texts and field is not None and field["categories"] else _NUMBERS:
            yield Suggestion(each, "operator", _SAID[each])

    def _values(self, condition: list[_Token], comparator: int) -> list[Suggestion]:
        """The values that the column on the left can have."""
        left = [each for each in condition[:comparator] if each.text != "("]
        if len(left) != 1 or left[0].kind != "path" or condition[-1].kind != "comparator":
            return self._begun(self._paths()) if self.typed else []
        values = [Suggestion(_value(value), "category", _records(count)) for value, count in self._known(left[0].text)]
        if not self.typed:
            return values
        found = self._begun(values)
        return found if found or values else []

    def _known(self, path: str) -> Iterator[tuple[str, int]]:
        """The values of a column with their counts, as far as they are known."""
        field = self._field(path)
        if field is not None:
            categories = () if field["type"] == "text" else field["categories"] or ()
            yield from ((each["value"], each["count"]) for each in categories)
            return
        names = _names(path)
        group = next((each for each in _ANNOTATIONS if each == names[0]), None)
        if group is None and self.group in _ANNOTATIONS:
            group = "predictions" if self.group == "predictions" else "annotations"
        if group is not None and names[-1] in ("label", "type", "model_run", "taxonomy_name"):
            known = self.snapshot.vocabulary(group)
            column = {"label": known.labels, "type": known.types, "model_run": known.runs}
            yield from column.get(names[-1], known.taxonomies).items()

    def _field(self, path: str) -> FieldJson | None:
        """The metadata field that a path names, None if it names none."""
        beginning, *names = _names(path)
        groups: dict[str, Group] = {"item": "items", "scene": "scenes"}
        groups |= {"annotations": "annotations", "predictions": "predictions"}
        if names and beginning == "metadata":
            return self.snapshot.fields(self.group).get(names[0])
        if names[1:] and beginning in groups:
            return self.snapshot.fields(groups[beginning]).get(names[-1])
        return None

    def _paths(self) -> Iterator[Suggestion]:
        """Every path, those of the listed rows first."""
        yield from self._fields("metadata.", self.group)
        if self.group in ANNOTATION_GROUPS:
            yield from self._fields("item.metadata.", "items")
        if self.group != "scenes" and self.snapshot.schema["scenes"]["records"]:
            yield from self._fields("scene.metadata.", "scenes")
        for group in _ANNOTATIONS:
            if self.snapshot.schema[group]["records"]:
                yield from self._annotations(group)
        yield from (Suggestion(name, "field", column.storage or "") for name, column in CORE[self.group].items())
        yield Suggestion("location", "field", "a place")
        if self.group in ANNOTATION_GROUPS:
            for word in GEOMETRY:
                yield from (Suggestion(f"{word}.{axis}", "field", "number") for axis in AXES)

    def _fields(self, beginning: str, group: Group) -> Iterator[Suggestion]:
        for key, field in self.snapshot.fields(group).items():
            if field["storage"] != "json":
                yield Suggestion(f"{beginning}{quoted(key)}", "field", field["type"])

    def _annotations(self, group: AnnotationGroup) -> Iterator[Suggestion]:
        known = self.snapshot.vocabulary(group)
        yield Suggestion(f"{group}.count", "field", "number")
        for label, count in known.labels.items():
            yield Suggestion(f"{group}.{quoted(label, always=label in RESERVED)}", "label", f"{count:,} {group}")
        for taxonomy, count in known.taxonomies.items():
            name = quoted(taxonomy, always=taxonomy in RESERVED)
            yield Suggestion(f"{group}.taxonomy.{name}", "taxonomy", f"{count:,} {group}")
        for run, count in known.runs.items():
            yield Suggestion(f"{group}.run.{quoted(run)}.count", "run", f"{count:,} {group}")
        for kind, count in known.types.items():
            yield Suggestion(f"{group}.{kind}.count", "field", f"{count:,} {group}")
        if group == "predictions":
            yield Suggestion(f"{group}.confidence", "field", "double")
        yield from self._fields(f"{group}.metadata.", group)


_SAID = {"=": "is", "!=": "is not, or is missing", "<": "less", "<=": "at most", ">": "more", ">=": "at least"}


def _last_condition(tokens: list[_Token]) -> list[_Token]:
    """The tokens of the condition that is being written."""
    found: list[_Token] = []
    for each in tokens:
        found = [] if each.is_word("AND", "OR", "NOT") else [*found, each]
    return found


def _value(text: str) -> str:
    """A category as it is written on the right of a comparison."""
    return quoted(text, always=not _PLAIN.fullmatch(text) or text in _WORDS)


def _records(count: int) -> str:
    return f"{count:,} {'record' if count == 1 else 'records'}"


def _parts(path: str) -> list[str]:
    return re.findall(r'"(?:[^"\\]|\\.)*"?|\w+', path)


def _names(path: str) -> list[str]:
    """The parts of a path without their quotes."""
    return [_unquoted(each) for each in _parts(path)] or [""]


def _unquoted(part: str) -> str:
    if not part.startswith('"'):
        return part
    try:
        return str(json.loads(part))
    except ValueError:  # not closed yet
        return part[1:]


def _bare(text: str) -> str:
    """A text without the quotes around its names, to compare what is typed with what there is."""
    return text.replace('"', "")
