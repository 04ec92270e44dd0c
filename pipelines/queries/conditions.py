"""Defines resolved queries: conditions on typed columns, ready to be evaluated."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipelines.queries.syntax import Comparator

AnnotationGroup = Literal["annotations", "predictions"]
Form = Literal["core", "metadata", "location", "geometry"]
Storage = Literal["long", "double", "string", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the rows of a group.

    Attributes:
        form: Its kind: a core column, a metadata field, a part of the location, or of the geometry.
        name: The core column, the metadata key, `latitude` or `longitude`, or such as `position.x`.
        storage: How its values are stored, None for a field without values.
    """

    form: Form
    name: str
    storage: Storage | None

    @property
    def alias(self) -> str:
        """A unique name among the columns of the group."""
        return f"{self.form}:{self.name}"


@dataclass(frozen=True, slots=True)
class Annotations:
    """A selection of the annotations or predictions of an item or a scene.

    Attributes:
        group: Annotations or predictions.
        types: Only those of these types; empty for all.
        label: Only those with this label.
        run: Only those of this model run.
    """

    group: AnnotationGroup
    types: tuple[str, ...] = ()
    label: str | None = None
    run: str | None = None


Place: TypeAlias = Literal["own", "item", "scene"] | Annotations
"""The row that a value belongs to: the listed one, its item, its scene, or each of its annotations in turn."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a column."""

    place: Place
    column: Column


@dataclass(frozen=True, slots=True)
class Count:
    """The number of annotations of an item or a scene."""

    annotations: Annotations


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or a text."""

    value: int | float | str


@dataclass(frozen=True, slots=True)
class Added:
    """Numbers added and subtracted, from the left."""

    terms: tuple[tuple[Literal["+", "-"], "Operand"], ...]


@dataclass(frozen=True, slots=True)
class Remainder:
    """The remainder of a division, with the sign of the divisor."""

    operand: "Operand"
    divisor: int | float


Operand: TypeAlias = Value | Count | Constant | Added | Remainder
Domain = Literal["integer", "double", "text"]


@dataclass(frozen=True, slots=True)
class Test:
    """A comparison of two integers, doubles or texts. With a missing value only `!=` holds.

    Attributes:
        annotations: The annotations whose values are compared, if any: the test holds if it holds for one of them.
    """

    left: Operand
    comparator: Comparator
    right: Operand
    domain: Domain
    annotations: Annotations | None


@dataclass(frozen=True, slots=True)
class HasClass:
    """The class of an item in a taxonomy, compared with a text; `!=` is the negation of `=`."""

    annotations: Annotations
    taxonomy: str
    comparator: Comparator
    text: str


@dataclass(frozen=True, slots=True)
class Inside:
    """A location within a box, its edges included; west > east crosses the antimeridian.

    Attributes:
        box: South, west, north, east in decimal degrees.
    """

    place: Place
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class OneOf:
    """An operand that equals one of some constants; false if it is missing.

    Attributes:
        constants: Integers, doubles or texts, as the domain tells.
        annotations: As in `Test`.
    """

    operand: Operand
    constants: tuple[int | float | str, ...]
    domain: Domain
    annotations: Annotations | None


@dataclass(frozen=True, slots=True)
class Present:
    """A value that is there, or if `missing` one that is not."""

    value: Value
    missing: bool


@dataclass(frozen=True, slots=True)
class Holds:
    """A text that contains another, or a JSON list that has a text as an element; false if it is missing."""

    value: Value
    text: str


@dataclass(frozen=True, slots=True)
class Negation:
    """The condition does not hold: the complement."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """All of the conditions hold."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the conditions holds."""

    conditions: tuple["Condition", ...]


Leaf: TypeAlias = Test | HasClass | Inside | OneOf | Present | Holds
Condition: TypeAlias = Leaf | Negation | All | Some


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are ordered by: a value of the row, its item or its scene, or a number of annotations."""

    by: Value | Count
    descending: bool


LATITUDE = Column("location", "latitude", "double")
LONGITUDE = Column("location", "longitude", "double")


def parts(operand: Operand) -> tuple[Value | Count | Constant, ...]:
    """The values, counts and constants in an operand."""
    match operand:
        case Added(terms=terms):
            return tuple(part for _, term in terms for part in parts(term))
        case Remainder(operand=inner):
            return parts(inner)
        case _:
            return (operand,)


def leaves(condition: Condition) -> tuple[Leaf, ...]:
    """The simple conditions in a condition, each once, in order."""
    match condition:
        case All(conditions=inner) | Some(conditions=inner):
            return tuple(dict.fromkeys(leaf for each in inner for leaf in leaves(each)))
        case Negation(condition=negated):
            return leaves(negated)
        case _:
            return (condition,)


def operands(leaf: Leaf) -> tuple[Value | Count | Constant, ...]:
    """The values of columns, counts and constants that a simple condition uses."""
    match leaf:
        case Test(left=left, right=right):
            return (*parts(left), *parts(right))
        case OneOf(operand=operand):
            return parts(operand)
        case Inside(place=place):
            return Value(place, LATITUDE), Value(place, LONGITUDE)
        case Present(value=value) | Holds(value=value):
            return (value,)
        case HasClass():
            return ()


def values(leaf: Leaf) -> tuple[Value, ...]:
    """The values of columns that a simple condition uses."""
    return tuple(part for part in operands(leaf) if isinstance(part, Value))
