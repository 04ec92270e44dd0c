"""Resolves the operands of a comparison, and describes them for errors."""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, assert_never

from pipelines.queries import syntax
from pipelines.queries.annotation_paths import AnnotationName
from pipelines.queries.columns import Located
from pipelines.queries.conditions import Added, Constant, Count, Operand, Place, Remainder, Value
from pipelines.queries.faults import QueryFault
from pipelines.queries.names import CORE, Names
from pipelines.queries.paths import resolve_path
from pipelines.queries.quoting import quoted
from pipelines.queries.syntax import Path
from transforms.rules.export_rows import Group

Kind: TypeAlias = Literal["number", "text"] | None
"""The kind of values; None for a field without values, which can be compared with both."""


def kind_of(operand: Operand) -> Kind:
    """The kind of the values of an operand."""
    match operand:
        case Constant(value=str()):
            return "text"
        case Value(column=column):
            if column.storage is None:
                return None
            return "text" if column.storage == "string" else "number"
        case _:
            return "number"


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves operands of one query.

    Attributes:
        group: The group whose rows are listed.
        names: The names of the version.
        slips: What is probably a slip, as it is found.
    """

    group: Group
    names: Names
    slips: list[QueryFault] = field(default_factory=list)

    def resolve(self, operand: syntax.Operand, *, word_is_text: bool) -> Operand | AnnotationName:
        """Resolves an operand; a bare word is a text if `word_is_text`, else a column.

        Raises:
            QueryFault: The operand cannot be compared.
        """
        match operand:
            case syntax.Number(value=value):
                return Constant(value)
            case syntax.Text(text=text):
                return Constant(text)
            case Path(parts=(part,)) if word_is_text:
                return Constant(part.text)
            case Path():
                found = resolve_path(operand, self.group, self.names)
                if isinstance(found, Located):
                    advice = "compare location.latitude, or write location WITHIN (SOUTH, WEST, NORTH, EAST)"
                    raise QueryFault("a location cannot be compared", operand.span, advice)
                if isinstance(found, Value) and found.column.storage == "json":
                    raise self._not_compared(found, operand)
                return found
            case syntax.Modulo(operand=inner, divisor=divisor):
                return Remainder(self._number(inner), divisor.value)
            case syntax.Sum(terms=terms):
                return Added(tuple((sign, self._term(term)) for sign, term in terms))
            case _:
                assert_never(operand)

    def _term(self, term: syntax.Operand) -> Operand:
        if isinstance(term, Path) and len(term.parts) == 1 and term.parts[0].text not in CORE[self.group]:
            advice = 'a text or a name with + or - in it is written in quotes: "front-left", metadata."front-left"'
            raise QueryFault(f"expected a number, got {term.parts[0].text}", term.span, advice)
        return self._number(term)

    def _number(self, operand: syntax.Operand) -> Operand:
        found = counted(self.resolve(operand, word_is_text=False), operand)
        if kind_of(found) == "text":
            raise QueryFault(
                f"{self.describe(found)}: only numbers can be added and subtracted", operand.span, _RECKONED
            )
        return found

    def _not_compared(self, found: Value, path: Path) -> QueryFault:
        kind = self.names.fields(self._group(found.place))[found.column.name]["type"]
        return QueryFault(
            f"the field {quoted(found.column.name)} is of type {kind}, which cannot be compared",
            path.parts[-1].span,
            "only numbers and texts can be compared; of others there are IS MISSING, IS PRESENT, and of lists CONTAINS",
        )

    def describe(self, operand: Operand) -> str:
        """Describes an operand, for errors."""
        match operand:
            case Constant(value=value):
                return f'"{value}" is a text' if isinstance(value, str) else f"{value} is a number"
            case Count(annotations=annotations):
                return f"this is a number of {annotations.group}"
            case Value(place=place, column=column) if column.form == "metadata":
                kind = self.names.fields(self._group(place))[column.name]["type"]
                return f"{quoted(column.name)} is {'a text' if kind == 'text' else kind}"
            case Value(column=column):
                return f"{column.name} is a {kind_of(operand)}"
            case _:
                return "this is a number"

    def _group(self, place: Place) -> Group:
        match place:
            case "own":
                return self.group
            case "item":
                return "items"
            case "scene":
                return "scenes"
            case _:
                return place.group


_RECKONED = "take the text out of the sum; texts with + or - in them are written in quotes"


def counted(found: Operand | AnnotationName, written: syntax.Operand) -> Operand:
    """The operand as a value: the name of a label becomes the number of annotations with it.

    Raises:
        QueryFault: It is the name of a taxonomy.
    """
    if not isinstance(found, AnnotationName):
        return found
    name, group = quoted(found.part.text), found.annotations.group
    if not found.is_label:
        advice = f"compare it with a class: {group}.{name} = CLASS"
        raise QueryFault(f"{name} is a taxonomy, whose classes are texts", written.span, advice)
    return Count(replace(found.annotations, label=found.part.text))
