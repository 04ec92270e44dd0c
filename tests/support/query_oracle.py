"""Queries answered by going through dictionaries, one row after the other: for small datasets, and easy to read.

A query is made of tuples here: it is written out for the product, and evaluated as it is. Nothing is shared with the
product but the published rows, which an independent reader reads.
"""

import json
import math
import operator
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from support.runs import GROUPS, Ended

Row = dict[str, Any]
Node = tuple[Any, ...]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A path of the language.

    Attributes:
        text: As it is written.
        kind: integer, double, text or json.
        of: Its value for a row; where `annotations` is given, for an annotation of the row.
        annotations: The annotations of a row that it is asked of.
    """

    text: str
    kind: str
    of: Callable[["World", Row], Any]
    annotations: Callable[["World", Row], list[Row]] | None = None
    of_annotations: str = ""


class World:
    """All published rows, and which belong together."""

    def __init__(self, run: Ended) -> None:
        """Reads the rows of a version."""
        self.rows = {group: [_readable(row, run.schema[group]) for row in run.rows(group)] for group in GROUPS}
        self.items = {row["reference_id"]: row for row in self.rows["items"]}
        self.scenes = {row["reference_id"]: row for row in self.rows["scenes"]}
        self.annotations: dict[str, defaultdict[str, list[Row]]] = {}
        for group in ("annotations", "predictions"):
            self.annotations[group] = defaultdict(list)
            for row in self.rows[group]:
                self.annotations[group][row["reference_id"]].append(row)

    def item(self, row: Row) -> Row | None:
        """The item of an annotation."""
        return self.items.get(row["reference_id"])

    def scene(self, row: Row) -> Row | None:
        """The scene of an item or of an annotation."""
        if "scene_reference_id" in row:
            return self.scenes.get(row["scene_reference_id"])
        item = self.item(row)
        return self.scenes.get(row["reference_id"]) if item is None else self.scene(item)


def _readable(row: Row, described: dict[str, Any]) -> Row:
    """A row with its metadata by the original keys and its geometry as an object."""
    columns = {key: field["column"] for key, field in described["fields"].items() if field["column"]}
    published = row["metadata"] or {}
    readable = {**row, "metadata": {key: published.get(column) for key, column in columns.items()}}
    if row.get("geometry"):
        readable["geometry"] = json.loads(row["geometry"])
    return readable


def has_label(annotation: Row, label: str) -> bool:
    """Whether an annotation has a label, alone or among others."""
    return annotation["label"] == label or label in (annotation["labels"] or ())


def written(node: Node) -> str:  # noqa: PLR0911 - a case for each node
    """A query in the language."""
    match node:
        case ("and" | "or" as word, parts):
            return f" {word.upper()} ".join(f"({written(part)})" for part in parts)
        case ("not", part):
            return f"NOT ({written(part)})" if part[0] in ("and", "or") else f"NOT {written(part)}"
        case ("in", operand, values):
            return f"{_written(operand)} IN ({', '.join(map(_written, values))})"
        case ("is", field, word):
            return f"{field.text} IS {word}"
        case ("contains", field, text):
            return f"{field.text} CONTAINS {_written(text)}"
        case ("within", path, _, box):
            return f"{path} WITHIN ({', '.join(map(repr, box))})"
        case ("class", path, _, _, comparator, text):
            return f"{path} {comparator} {json.dumps(text)}"
        case ("compare", left, comparator, right):
            return f"{_written(left)} {comparator} {_written(right)}"
        case _:
            raise TypeError(node)


def _written(operand: Any) -> str:
    match operand:
        case Field(text=text):
            return text
        case ("sum", first, *rest):
            return _written(first) + "".join(f" {sign} {_written(each)}" for sign, each in rest)
        case ("modulo", inner, divisor):
            return f"({_written(inner)}) % {divisor!r}"
        case str():
            return json.dumps(operand, ensure_ascii=False)
        case _:
            return repr(operand)


def holds(node: Node, world: World, row: Row) -> bool:  # noqa: C901, PLR0911, PLR0912 - a case for each node
    """Whether a row meets a query."""
    match node:
        case ("and", parts):
            return all(holds(part, world, row) for part in parts)
        case ("or", parts):
            return any(holds(part, world, row) for part in parts)
        case ("not", part):
            return not holds(part, world, row)
        case ("in", operand, values):
            return any(holds(("compare", operand, "=", each), world, row) for each in values)
        case ("is", field, word):
            return any((value is None) is (word == "MISSING") for value in _values(field, world, row))
        case ("contains", field, text):
            return any(_contains(field, value, text) for value in _values(field, world, row))
        case ("within", _, rows, (south, west, north, east)):
            return any(_inside(each, south, west, north, east) for each in rows(world, row))
        case ("class", _, rows, taxonomy, comparator, text):
            classes = {
                name
                for annotation in rows(world, row)
                if annotation["taxonomy_name"] == taxonomy
                for name in (annotation["label"], *(annotation["labels"] or ()))
                if name is not None
            }
            if comparator == "!=":
                return text not in classes
            return any(COMPARE[comparator](name, text) for name in classes)
        case ("compare", left, comparator, right):
            fields = [*_fields(left), *_fields(right)]
            annotations = next((field.annotations for field in fields if field.annotations), None)
            kind = "double" if any(_kind(each) == "double" for each in (left, right)) else "any"
            for annotation in [row] if annotations is None else annotations(world, row):
                values = [_value(each, world, row, annotation, kind) for each in (left, right)]
                if None in values:
                    if comparator == "!=":
                        return True
                elif COMPARE[comparator](*values):
                    return True
            return False
        case _:
            raise TypeError(node)


def _values(field: Field, world: World, row: Row) -> list[Any]:
    """The values of a field: of a row, or of each of its annotations."""
    rows = [row] if field.annotations is None else field.annotations(world, row)
    return [field.of(world, each) for each in rows]


def _contains(field: Field, value: Any, text: str) -> bool:
    if value is None:
        return False
    if field.kind == "json":
        listed = json.loads(value)
        return isinstance(listed, list) and text in listed
    return text in value


def ordered(
    world: World, group: str, rows: list[Row], field: Field | None, descending: bool, sample: int | None
) -> list[Row]:
    """The rows that are listed of some, in their order: null last, ties by identity (the order of `rows`)."""
    places = {id(row): at for at, row in enumerate(world.rows[group])}
    if sample is not None:
        rows = sorted(sorted(rows, key=lambda row: _hash(row, group))[:sample], key=lambda row: places[id(row)])
    if field is None:
        return rows
    there = [row for row in rows if field.of(world, row) is not None]
    missing = [row for row in rows if field.of(world, row) is None]
    ties: Callable[[Row], Any] = lambda row: (row["reference_id"].encode(), places[id(row)])  # noqa: E731 - short
    there.sort(key=ties)
    there.sort(key=lambda row: _comparable(field.of(world, row)), reverse=descending)
    return there + sorted(missing, key=ties)


def _comparable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _hash(row: Row, group: str) -> tuple[int, bytes]:
    """The hash of the identity of a row (docs/query.md)."""
    parts = [row["reference_id"]]
    if group in ("annotations", "predictions"):
        kind = row["type"]
        geometric = kind in ("box", "polygon", "line", "keypoints", "cuboid")
        name = row["annotation_id"] if geometric else row["taxonomy_name"]
        if kind == "segment":
            name = f"{row['segment_index']:019d}"
        name = None if kind == "mask" else name
        parts += [row.get("model_run"), "object" if geometric else kind, name, row["task_id"] if geometric else None]
    text = "\x1f".join(part or "" for part in parts).encode()
    mixed = (zlib.crc32(text) + 0x9E3779B97F4A7C15) % 2**64
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) % 2**64
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) % 2**64
    return mixed ^ mixed >> 31, text


def _inside(row: Row, south: float, west: float, north: float, east: float) -> bool:
    location = row["location"]
    if location is None:
        return False
    longitude = location["longitude"]
    beside = west <= longitude <= east if west <= east else longitude >= west or longitude <= east
    return bool(south <= location["latitude"] <= north and beside)


def _fields(operand: Any) -> Iterable[Field]:
    match operand:
        case Field():
            yield operand
        case ("sum", first, *rest):
            yield from _fields(first)
            for _, each in rest:
                yield from _fields(each)
        case ("modulo", inner, _):
            yield from _fields(inner)


def _kind(operand: Any) -> str:
    """Whether numbers are compared as doubles: one of them is one."""
    match operand:
        case Field(kind=kind):
            return kind
        case ("sum", first, *rest):
            return "double" if "double" in {_kind(first), *(_kind(each) for _, each in rest)} else "integer"
        case ("modulo", inner, divisor):
            return "double" if "double" in {_kind(inner), _kind(divisor)} else "integer"
        case float():
            return "double"
        case _:
            return "integer"


def _value(operand: Any, world: World, row: Row, annotation: Row, kind: str) -> Any:
    match operand:
        case Field(of=of, annotations=annotations):
            value = of(world, annotation if annotations else row)
        case ("sum", first, *rest):
            value = _value(first, world, row, annotation, kind)
            for sign, each in rest:
                term = _value(each, world, row, annotation, kind)
                if value is None or term is None:
                    return None
                value = value + term if sign == "+" else value - term
        case ("modulo", inner, divisor):
            value = _value(inner, world, row, annotation, kind)
            if value is None or (isinstance(value, float) and math.isinf(value)):
                return None
            value = value % divisor
        case _:
            value = operand
    if value is None or isinstance(value, str):
        return value
    value = float(value) if kind == "double" else value
    return None if isinstance(value, float) and math.isnan(value) else value
