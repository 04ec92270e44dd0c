"""Resolves the tree of a query against a schema: looks names up, checks types, returns conditions."""

import math
import re
from typing import assert_never

from pipelines.queries import syntax
from pipelines.queries.annotation_paths import AnnotationName
from pipelines.queries.columns import Located
from pipelines.queries.conditions import (
    Added,
    All,
    Annotations,
    Condition,
    Constant,
    Count,
    Domain,
    HasClass,
    Inside,
    Operand,
    Remainder,
    Some,
    Test,
    Value,
    parts,
)
from pipelines.queries.faults import QueryFault, query_error
from pipelines.queries.names import Names
from pipelines.queries.operands import Resolver, counted, kind_of
from pipelines.queries.paths import resolve_path
from pipelines.queries.syntax import FLIPPED, Comparator, Comparison, Number, Text, Within
from pipelines.queries.written import quoted
from transforms.rules.coordinates import LATITUDE_LIMIT, LONGITUDE_LIMIT
from transforms.rules.export_rows import Group

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BOX = "write location WITHIN (SOUTH, WEST, NORTH, EAST), in decimal degrees"
EXACT_LIMIT = 2**100
"""Integers are compared exactly up to here; larger ones are doubles."""


def resolve(text: str, tree: syntax.Condition, group: Group, names: Names) -> Condition:
    """Resolves the tree of a query if rows of a group are listed.

    Args:
        text: The query, to show mistakes in it.
        tree: The syntax tree of the text.
        group: The group whose rows are listed.
        names: The names of the version.

    Raises:
        QueryError: A name is unknown, or values cannot be compared.
    """
    try:
        return _condition(tree, Resolver(group, names))
    except QueryFault as fault:
        raise query_error(text, fault) from None


def _condition(tree: syntax.Condition, resolver: Resolver) -> Condition:
    match tree:
        case syntax.And(conditions=conditions):
            return All(tuple(_condition(each, resolver) for each in conditions))
        case syntax.Or(conditions=conditions):
            return Some(tuple(_condition(each, resolver) for each in conditions))
        case Within():
            return _inside(tree, resolver)
        case Comparison():
            return _compared(tree, resolver)
        case _:
            assert_never(tree)


def _inside(within: Within, resolver: Resolver) -> Inside:
    found = resolve_path(within.path, resolver.group, resolver.names)
    if not isinstance(found, Located):
        raise QueryFault("only a location can be within a box", within.path.span, _BOX)
    limits = (LATITUDE_LIMIT, LONGITUDE_LIMIT, LATITUDE_LIMIT, LONGITUDE_LIMIT)
    for number, limit, name in zip(within.box, limits, ("south", "west", "north", "east"), strict=True):
        if abs(number.value) > limit:
            raise QueryFault(f"expected {name} within [-{limit:g}, {limit:g}]", number.span, _BOX)
    south, west, north, east = within.box
    if south.value > north.value:
        raise QueryFault("south lies north of north", south.span.to(north.span), _BOX)
    return Inside(found.place, (float(south.value), float(west.value), float(north.value), float(east.value)))


def _compared(comparison: Comparison, resolver: Resolver) -> Test | HasClass:
    left = resolver.resolve(comparison.left, word_is_text=False)
    # A bare word is a column on one side, and a text on the other.
    right = resolver.resolve(comparison.right, word_is_text=not isinstance(comparison.left, Number | Text))
    comparator = comparison.comparator
    if isinstance(left, AnnotationName) and isinstance(right, Constant) and isinstance(right.value, str):
        return _class(left, comparator, right.value)
    if isinstance(right, AnnotationName) and isinstance(left, Constant) and isinstance(left.value, str):
        return _class(right, FLIPPED[comparator], left.value)
    first, second = counted(left, comparison.left), counted(right, comparison.right)
    first = _typed(first, comparison.left, second, resolver)
    second = _typed(second, comparison.right, first, resolver)
    _check(comparison, first, second, resolver)
    return Test(first, comparator, second, _domain(first, second), _annotations_of(comparison, first, second))


def _class(name: AnnotationName, comparator: Comparator, text: str) -> HasClass:
    if not name.is_taxonomy:
        label, group = quoted(name.part.text), name.annotations.group
        raise QueryFault(
            f"{label} is a label, not a taxonomy: this is a number of {group}",
            name.part.span,
            f"compare it with a number: {group}.{label} > 0",
        )
    return HasClass(name.annotations, name.part.text, comparator, text)


def _typed(operand: Operand, written: syntax.Operand, other: Operand, resolver: Resolver) -> Operand:
    """Converts a constant to the kind of the other operand.

    Raises:
        QueryFault: It cannot be converted.
    """
    if not isinstance(operand, Constant) or isinstance(other, Constant):
        return operand
    kind, value = kind_of(other), operand.value
    if kind == "number" and isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            message = f"{resolver.describe(other)}, which cannot be compared with a text"
            raise QueryFault(message, written.span, "compare it with a number")
        value = float(value) if set(value) & set(".eE") else int(value)
        if math.isinf(value) or abs(value) >= EXACT_LIMIT:
            value = float(value)
    elif kind == "text" and not isinstance(value, str):
        message = f"{resolver.describe(other)}, which cannot be compared with a number"
        raise QueryFault(message, written.span, 'write it in quotes, "...", to compare it as a text')
    return Constant(value)


def _check(comparison: Comparison, left: Operand, right: Operand, resolver: Resolver) -> None:
    pieces = (*parts(left), *parts(right))
    if not any(isinstance(piece, Value | Count) for piece in pieces):
        advice = "write a path on one side, such as metadata.weather"
        raise QueryFault("expected a field to compare", comparison.span, advice)
    if {kind_of(left), kind_of(right)} >= {"number", "text"}:
        message = f"{resolver.describe(left)}, and {resolver.describe(right)}"
        raise QueryFault(message, comparison.span, "compare values of one kind")


def _domain(left: Operand, right: Operand) -> Domain:
    if "text" in (kind_of(left), kind_of(right)):
        return "text"
    return "integer" if _exact(left) and _exact(right) else "double"


def _exact(operand: Operand) -> bool:
    """Whether an operand consists of integers only."""
    match operand:
        case Constant(value=value):
            return isinstance(value, int) and abs(value) < EXACT_LIMIT
        case Value(column=column):
            return column.storage == "long"
        case Count():
            return True
        case Added(terms=terms):
            return all(_exact(term) for _, term in terms)
        case Remainder(operand=inner, divisor=divisor):
            return _exact(inner) and _exact(Constant(divisor))
        case _:
            assert_never(operand)


def _annotations_of(comparison: Comparison, left: Operand, right: Operand) -> Annotations | None:
    """The annotations whose values are compared; the comparison is evaluated for one of them at a time."""
    places = {part.place for part in (*parts(left), *parts(right)) if isinstance(part, Value)}
    annotations = [place for place in places if isinstance(place, Annotations)]
    if len(annotations) > 1:
        advice = "compare values of the same annotations (label and model run), or numbers of them"
        raise QueryFault("a comparison can use only one annotation or prediction at a time", comparison.span, advice)
    return annotations[0] if annotations else None
