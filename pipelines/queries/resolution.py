"""Resolves the tree of a query against a schema: looks names up, checks types, returns conditions."""

import math
import re
from typing import assert_never

from pipelines.queries import syntax
from pipelines.queries.annotation_paths import AnnotationName
from pipelines.queries.columns import Located
from pipelines.queries.conditions import (
    LATITUDE,
    Added,
    All,
    Annotations,
    Condition,
    Constant,
    Count,
    Domain,
    HasClass,
    Holds,
    Inside,
    Negation,
    OneOf,
    Operand,
    Order,
    Present,
    Remainder,
    Some,
    Test,
    Value,
    parts,
)
from pipelines.queries.faults import FaultJson, QueryFault, fault_document, query_error
from pipelines.queries.names import Names
from pipelines.queries.operands import Resolver, counted, kind_of
from pipelines.queries.paths import resolve_path
from pipelines.queries.quoting import quoted
from pipelines.queries.slips import slip
from pipelines.queries.syntax import FLIPPED, Comparator, Comparison, Contains, In, Is, Number, Path, Text, Within
from transforms.rules.coordinates import LATITUDE_LIMIT, LONGITUDE_LIMIT
from transforms.rules.export_rows import Group

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BOX = "write location WITHIN (SOUTH, WEST, NORTH, EAST), in decimal degrees"
EXACT_LIMIT = 2**100
"""Integers are compared exactly up to here; larger ones are doubles."""


def resolve(
    text: str, tree: syntax.Condition, group: Group, names: Names, slips: list[FaultJson] | None = None
) -> Condition:
    """Resolves the tree of a query if rows of a group are listed.

    Args:
        text: The query, to show mistakes in it.
        tree: The syntax tree of the text.
        group: The group whose rows are listed.
        names: The names of the version.
        slips: Takes what is probably a slip: texts that are no category, where a similar one is.

    Raises:
        QueryError: A name is unknown, or values cannot be compared.
    """
    resolver = Resolver(group, names)
    try:
        condition = _condition(tree, resolver)
    except QueryFault as fault:
        raise query_error(text, fault) from None
    if slips is not None:
        slips += [fault_document(text, each) for each in resolver.slips]
    return condition


def resolve_order(text: str, order: syntax.Order, group: Group, names: Names) -> Order:
    """Resolves the path that rows are ordered by; raises as `resolve`."""
    try:
        return Order(_ordering(order.path, Resolver(group, names)), order.descending)
    except QueryFault as fault:
        raise query_error(text, fault) from None


def _ordering(path: Path, resolver: Resolver) -> Value | Count:
    found = counted(resolver.resolve(path, word_is_text=False), path)
    if isinstance(found, Value) and isinstance(found.place, Annotations):
        advice = f"order by a number of them, such as {found.place.group}.count, or list them with --group"
        raise QueryFault("there may be many, which give no order", path.span, advice)
    if not isinstance(found, Value | Count):
        raise TypeError(found)  # a path is nothing else
    return found


def _condition(tree: syntax.Condition, resolver: Resolver) -> Condition:  # noqa: PLR0911 - one for each node
    match tree:
        case syntax.And(conditions=conditions):
            return All(tuple(_condition(each, resolver) for each in conditions))
        case syntax.Or(conditions=conditions):
            return Some(tuple(_condition(each, resolver) for each in conditions))
        case Within():
            return _inside(tree, resolver)
        case Comparison():
            return _compared(tree, resolver)
        case In():
            return _one_of(tree, resolver)
        case Is():
            return _present(tree, resolver)
        case Contains():
            return _holds(tree, resolver)
        case syntax.Not(condition=condition):
            return Negation(_condition(condition, resolver))
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


def _one_of(tree: In, resolver: Resolver) -> Condition:
    """An operand is one of some values if it equals one of them; equal tests of constants become one set."""
    equal = [_compared(Comparison(tree.operand, "=", each, tree.span), resolver) for each in tree.values]
    sets: dict[tuple[Operand, Domain, Annotations | None], list[int | float | str]] = {}
    others: list[Condition] = []
    for each in equal:
        if isinstance(each, Test) and isinstance(each.right, Constant):
            sets.setdefault((each.left, each.domain, each.annotations), []).append(each.right.value)
        else:
            others.append(each)
    found = [OneOf(left, tuple(values), domain, of) for (left, domain, of), values in sets.items()]
    return Some((*found, *others)) if len(found) + len(others) > 1 else (*found, *others)[0]


def _present(tree: Is, resolver: Resolver) -> Condition:
    found = resolve_path(tree.path, resolver.group, resolver.names)
    if isinstance(found, Located):
        found = Value(found.place, LATITUDE)
    if isinstance(found, AnnotationName) and not found.is_label:
        some = HasClass(found.annotations, found.part.text, ">=", "")
        return Negation(some) if tree.missing else some
    if not isinstance(found, Value):
        raise QueryFault("a number of annotations is never missing", tree.path.span, "compare it with 0")
    return Present(found, tree.missing)


def _holds(tree: Contains, resolver: Resolver) -> Holds:
    found = resolve_path(tree.path, resolver.group, resolver.names)
    storage = found.column.storage if isinstance(found, Value) else "long"
    if not isinstance(found, Value) or storage not in ("string", "json", None):
        advice = "CONTAINS looks into texts and lists of texts: compare numbers with = or <"
        raise QueryFault("expected a text or a list of texts before CONTAINS", tree.path.span, advice)
    match tree.text:
        case Path(parts=(part,)):
            return Holds(found, part.text)
        case Text(text=text):
            return Holds(found, text)
        case _:
            raise QueryFault("expected a text after CONTAINS", tree.text.span, 'write it in quotes: "..."')


def _compared(comparison: Comparison, resolver: Resolver) -> Test | HasClass:
    left = resolver.resolve(comparison.left, word_is_text=False)
    # A bare word is a column on one side, and a text on the other.
    right = resolver.resolve(comparison.right, word_is_text=not isinstance(comparison.left, Number | Text))
    comparator = comparison.comparator
    if comparator in ("=", "!="):
        for of, constant, written in ((left, right, comparison.right), (right, left, comparison.left)):
            noted = slip(of, constant, written, resolver.group, resolver.names)
            resolver.slips.extend(() if noted is None else (noted,))
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
