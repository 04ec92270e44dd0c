"""Defines the syntax tree of a query; each node has its place in the text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Comparator = Literal["=", "!=", "<", "<=", ">", ">="]
FLIPPED: Mapping[Comparator, Comparator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The comparator after the sides are swapped."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the text: characters from `start` up to, but not including, `stop`."""

    start: int
    stop: int

    def to(self, other: "Span") -> "Span":
        """From the start of this span to the end of the other."""
        return Span(self.start, other.stop)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a path. A quoted one is always a name from the data, never a word of the language."""

    text: str
    quoted: bool
    span: Span

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words of the language."""
        return not self.quoted and self.text in words


@dataclass(frozen=True, slots=True)
class Path:
    """Names separated by dots. A single part is a bare word: a column or a text, depending on its place."""

    parts: tuple[Part, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text, or a bare date."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number, an integer if written as one."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class Sum:
    """Operands with their signs, added from the left."""

    terms: tuple[tuple[Literal["+", "-"], "Operand"], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Modulo:
    """The remainder of a division, with the sign of the divisor."""

    operand: "Operand"
    divisor: Number
    span: Span


Operand: TypeAlias = Path | Text | Number | Sum | Modulo


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands compared."""

    left: Operand
    comparator: Comparator
    right: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Within:
    """A location within a box: south, west, north, east in decimal degrees."""

    path: Path
    box: tuple[Number, Number, Number, Number]
    span: Span


@dataclass(frozen=True, slots=True)
class In:
    """An operand that equals one of some values."""

    operand: Operand
    values: tuple[Path | Text | Number, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Is:
    """A path whose value is missing, or present."""

    path: Path
    missing: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Contains:
    """A text that contains another, or a list of texts that has one."""

    path: Path
    text: Path | Text | Number
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    """All of the conditions hold."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the conditions holds."""

    conditions: tuple["Condition", ...]


Condition: TypeAlias = Comparison | Within | In | Is | Contains | Not | And | Or


@dataclass(frozen=True, slots=True)
class Order:
    """The path that rows are ordered by."""

    path: Path
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A condition, and which of the rows that meet it are listed, in which order.

    Attributes:
        condition: The condition; an `And` of nothing if there is none.
        order: None for the order of the stored rows.
        sample: The number of rows that are drawn, None for all.
    """

    condition: Condition
    order: Order | None = None
    sample: int | None = None
