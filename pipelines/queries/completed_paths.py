"""Completes the path of a query: the names that may follow what is typed of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from pipelines.queries.annotation_paths import RESERVED
from pipelines.queries.columns import LATITUDE_LONGITUDE
from pipelines.queries.conditions import AnnotationGroup
from pipelines.queries.names import AXES, CORE, GEOMETRY, SEGMENTATION, TYPES, Names
from pipelines.queries.quoting import quoted, unquoted
from transforms.rules.export_rows import Group

_PARTS = re.compile(r'\s*(\w+|"(?:[^"\\]|\\.)*(?:"|\Z))\s*(\.|\Z)', re.DOTALL)
_ANNOTATIONS: tuple[AnnotationGroup, ...] = get_args(AnnotationGroup)
_NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Named:
    """A text that can be written.

    Attributes:
        text: As it is written.
        kind: What kind of thing it is.
        detail: What is told of it.
        is_data: Whether it is a name from the data, which can be written in quotes.
    """

    text: str
    kind: Literal["field", "category", "label", "run", "taxonomy", "operator", "word"]
    detail: str
    is_data: bool = False


def paths(typed: str, group: Group, names: Names) -> list[Named]:
    """The paths that may become of what is typed, the whole of each.

    Args:
        typed: A path or the beginning of one, perhaps with a quote that is still open.
        group: The group whose rows are listed.
        names: The names of the version.
    """
    parts, start = _split(typed)
    before = "".join(f"{part}." for part in parts)
    in_quotes = start.startswith('"')
    known: dict[str, list[Named]] = {}
    for name, named in _following(parts, group, names):
        if in_quotes and not named.is_data:
            continue
        written = quoted(name, always=True) if in_quotes else named.text
        known.setdefault(name, []).append(replace(named, text=f"{before}{written}"))
    found = [each for name in matching(known, unquoted(start)) for each in known[name]]
    if not parts:  # fields by their names alone
        keys = names.fields(group)
        of_record = [
            Named(f"metadata.{quoted(key)}", "field", keys[key]["type"]) for key in matching(keys, unquoted(start))
        ]
        found = [*of_record, *found]
    return found


def matching(known: Iterable[str], start: str) -> list[str]:
    """The names that begin so; if there are none, those that do so in another case, or else contain it.

    >>> matching(["weather", "Wind", "snow"], "w"), matching(["weather", "Wind"], "WI"), matching(["snow"], "now")
    (['weather'], ['Wind'], ['snow'])
    """
    every, folded = list(known), start.casefold()
    return (
        [name for name in every if name.startswith(start)]
        or [name for name in every if name.casefold().startswith(folded)]
        or [name for name in every if folded in name.casefold()]
    )


def _split(typed: str) -> tuple[list[str], str]:
    """The whole parts of a path as they are written, and the beginning of the next."""
    parts: list[str] = []
    at = 0
    while (found := _PARTS.match(typed, at)) is not None and found[2]:
        parts.append(found[1])
        at = found.end()
    return parts, typed[at:].strip()


def _following(parts: list[str], group: Group, names: Names) -> Iterator[tuple[str, Named]]:
    """The names that may follow parts of a path, each with how it is written; some twice."""
    match parts:
        case []:
            yield from _of_row(group)
            yield from _words(("scene.", *(() if group == "scenes" else ("item.",)), *(f"{a}." for a in _ANNOTATIONS)))
        case ["scene"]:
            yield from _of_row("scenes")
        case ["item"] if group != "scenes":
            yield from _of_row("items")
        case ["metadata"]:
            yield from _fields(group, names)
        case ["scene", "metadata"]:
            yield from _fields("scenes", names)
        case ["item", "metadata"] if group != "scenes":
            yield from _fields("items", names)
        case [*_, "location"]:
            yield from _columns(LATITUDE_LONGITUDE)
        case [*_, "position" | "dimensions"]:
            yield from _columns(AXES)
        case [head, *remaining] if (of := next((each for each in _ANNOTATIONS if each == head), None)) is not None:
            yield from _of_annotations(remaining, of, names)


def _of_row(group: Group) -> Iterator[tuple[str, Named]]:
    yield from _words(("metadata.", "location."))
    yield from ((name, Named(name, "field", _kind(of.storage))) for name, of in CORE[group].items())
    if group in _ANNOTATIONS:
        yield from _words(f"{each}." for each in GEOMETRY)


def _of_annotations(parts: list[str], group: AnnotationGroup, names: Names) -> Iterator[tuple[str, Named]]:
    known = names.vocabulary(group)
    match parts:
        case ["run"] if group == "predictions":
            yield from _names(known.runs, "run", ())
        case ["run", _, *remaining] if group == "predictions":
            yield from _of_some(remaining, group, names)
        case [run, *remaining] if group == "predictions" and run not in RESERVED and unquoted(run) in known.runs:
            yield from _of_some(remaining, group, names)
        case [] if group == "predictions":
            yield from _names(known.runs, "run", RESERVED)
            yield from _of_some([], group, names)
            yield from _words(("run.",))
        case _:
            yield from _of_some(parts, group, names)


def _of_some(parts: list[str], group: AnnotationGroup, names: Names) -> Iterator[tuple[str, Named]]:
    """The names that may follow once a model run is chosen, or none is."""
    known = names.vocabulary(group)
    match parts:
        case []:
            yield from _names(known.labels, "label", RESERVED)
            yield from _names(known.taxonomies, "taxonomy", RESERVED)
            yield "count", Named("count", "field", _NUMBER)
            yield from _words(("metadata.", "location.", *(f"{each}." for each in GEOMETRY), "label.", "taxonomy."))
            yield from ((name, Named(name, "field", _kind(of.storage))) for name, of in CORE[group].items())
            yield from _words(f"{each}." for each in (*TYPES, SEGMENTATION))
        case ["metadata"]:
            yield from _fields(group, names)
        case ["label"]:
            yield from _names(known.labels, "label", ())
        case ["taxonomy"]:
            yield from _names(known.taxonomies, "taxonomy", ())
        case [kind] if kind in (*TYPES, SEGMENTATION):
            yield "count", Named("count", "field", _NUMBER)
            yield from _names(known.labels, "label", ("count",))
        case ["label", label] | [label] if unquoted(label) in known.labels:
            yield from _fields(group, names)


def _fields(group: Group, names: Names) -> Iterator[tuple[str, Named]]:
    for key, field in names.fields(group).items():
        yield key, Named(quoted(key), "field", field["type"], is_data=True)


def _names(
    counts: Mapping[str, int], kind: Literal["label", "run", "taxonomy"], words: Iterable[str]
) -> Iterator[tuple[str, Named]]:
    for name, count in counts.items():
        yield name, Named(quoted(name, always=name in words), kind, f"{count}", is_data=True)


def _columns(names: Iterable[str]) -> Iterator[tuple[str, Named]]:
    for name in names:
        yield name, Named(name, "field", _NUMBER)


def _words(words: Iterable[str]) -> Iterator[tuple[str, Named]]:
    for word in words:
        yield word, Named(word, "word", "path")


def _kind(storage: str | None) -> str:
    return "text" if storage == "string" else _NUMBER
