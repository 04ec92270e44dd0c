"""Defines resolved queries: conditions on typed columns, ready to be evaluated."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipelines.queries.syntax import Comparator

AnnotationGroup = Literal["annotations", "predictions"]
Form = Literal["core", "metadata", "location", "geometry"]
Storage = Literal["long", "double", "string"]


@dataclass(frozen=True, slots=True)
class Column:
    """What is read of the rows of a group.

    Attributes:
        form: Where it is: a core column, a metadata field, of the location, or of the geometry.
        name: The core column, the metadata key, `latitude` or `longitude`, or such as `position.x`.
        storage: How its values are stored, None for a field that has none.
    """

    form: Form
    name: str
    storage: Storage | None

    @property
    def alias(self) -> str:
        """A name of its own among the columns of the group."""
        return f"{self.form}:{self.name}"


@dataclass(frozen=True, slots=True)
class Annotations:
    """Annotations or predictions of a target.

    Attributes:
        types: Only those of these types; none for all.
        label: Only those with this label.
        run: Only those of this model run.
    """

    group: AnnotationGroup
    types: tuple[str, ...] = ()
    label: str | None = None
    run: str | None = None


Place: TypeAlias = Literal["own", "item", "scene"] | Annotations
"""The row that has a value: the one that is listed, its item, its scene, or each of its marks in turn."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a column."""

    place: Place
    column: Column


@dataclass(frozen=True, slots=True)
class Count:
    """How many marks a target has."""

    annotations: Annotations


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or a text."""

    value: int | float | str


@dataclass(frozen=True, slots=True)
class Added:
    """Numbers added (`+`) and taken away (`-`), from the left."""

    terms: tuple[tuple[Literal["+", "-"], "Operand"], ...]


@dataclass(frozen=True, slots=True)
class Remainder:
    """What a division leaves, with the sign of the divisor."""

    operand: "Operand"
    divisor: int | float


Operand: TypeAlias = Value | Count | Constant | Added | Remainder
Domain = Literal["integer", "double", "text"]


@dataclass(frozen=True, slots=True)
class Test:
    """Two operands compared, as integers, doubles or texts. A missing one is unlike anything (`!=`), and else nothing.

    Attributes:
        annotations: The annotations that a value is of, where one is: the test holds if it holds for any of them.
    """

    left: Operand
    comparator: Comparator
    right: Operand
    domain: Domain
    annotations: Annotations | None


@dataclass(frozen=True, slots=True)
class HasClass:
    """The class of the target in a taxonomy, compared with a text; `!=` is the contrary of `=`."""

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
class All:
    """All of the conditions hold."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the conditions holds."""

    conditions: tuple["Condition", ...]


Condition: TypeAlias = Test | HasClass | Inside | All | Some

LATITUDE = Column("location", "latitude", "double")
LONGITUDE = Column("location", "longitude", "double")


def parts(operand: Operand) -> tuple[Value | Count | Constant, ...]:
    """What an operand is made of."""
    match operand:
        case Added(terms=terms):
            return tuple(part for _, term in terms for part in parts(term))
        case Remainder(operand=inner):
            return parts(inner)
        case _:
            return (operand,)


def leaves(condition: Condition) -> tuple[Test | HasClass | Inside, ...]:
    """The conditions that a condition is put together from, each once, in their order."""
    match condition:
        case All(conditions=inner) | Some(conditions=inner):
            return tuple(dict.fromkeys(leaf for each in inner for leaf in leaves(each)))
        case _:
            return (condition,)


def values(leaf: Test | HasClass | Inside) -> tuple[Value, ...]:
    """The columns that a condition looks at."""
    match leaf:
        case Test(left=left, right=right):
            return tuple(part for part in (*parts(left), *parts(right)) if isinstance(part, Value))
        case Inside(place=place):
            return Value(place, LATITUDE), Value(place, LONGITUDE)
        case HasClass():
            return ()
