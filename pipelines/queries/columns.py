"""Resolves the last part of a path to a column of a row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.queries.conditions import Column, Place, Value
from pipelines.queries.faults import QueryFault, did_you_mean
from pipelines.queries.names import AXES, Names
from pipelines.queries.quoting import quoted
from pipelines.queries.syntax import Part, Path
from transforms.rules.export_rows import Group
from transforms.rules.near_names import near

LATITUDE_LONGITUDE = ("latitude", "longitude")
SHOWN = 5
"""Number of names that an error lists if none is near."""


@dataclass(frozen=True, slots=True)
class Located:
    """A whole location, which only `WITHIN` accepts."""

    place: Place


def metadata_column(part: Part, group: Group, names: Names) -> Column:
    """The column of a metadata field; of lists and objects too, which only some conditions take.

    Raises:
        QueryFault: There is no such field.
    """
    fields = names.fields(group)
    field = fields.get(part.text)
    if field is None:
        raise unknown(f"{group} have no field {quoted(part.text)}", part, fields, none=f"{group} have no metadata")
    return Column("metadata", part.text, field["storage"])


def metadata_path(path: Path, head: Part, remaining: Sequence[Part], group: Group, names: Names) -> Column:
    """The column that `metadata.FIELD` names; raises as `metadata_column`."""
    if not remaining:
        raise QueryFault("expected a field after metadata", head.span, "write metadata.FIELD")
    if len(remaining) > 1:
        whole = quoted(".".join(part.text for part in remaining), always=True)
        advice = f"values inside a value cannot be queried; a key with dots is written metadata.{whole}"
        raise QueryFault("expected one name after metadata", remaining[0].span.to(path.span), advice)
    return metadata_column(remaining[0], group, names)


def location(path: Path, place: Place, remaining: Sequence[Part]) -> Value | Located:
    """A whole location, or its latitude or longitude; raises QueryFault for anything else."""
    if not remaining:
        return Located(place)
    if len(remaining) == 1 and remaining[0].is_word(*LATITUDE_LONGITUDE):
        return Value(place, Column("location", remaining[0].text, "double"))
    found = near(remaining[0].text, LATITUDE_LONGITUDE)
    advice = did_you_mean(found, "write location.latitude")
    raise QueryFault("expected latitude or longitude", remaining[0].span.to(path.span), advice, found)


def geometry(head: Part, remaining: Sequence[Part]) -> Column:
    """A position or a dimension: x and y of boxes, x, y and z of cuboids; raises QueryFault for anything else."""
    if len(remaining) != 1 or not remaining[0].is_word(*AXES):
        span = remaining[0].span if remaining else head.span
        raise QueryFault(f"expected x, y or z after {head.text}", span, f"write {head.text}.x")
    return Column("geometry", f"{head.text}.{remaining[0].text}", "double")


def unknown(message: str, part: Part, known: Iterable[str], *, none: str) -> QueryFault:
    """The fault of an unknown name, which suggests near names, or else some existing ones."""
    names = list(known)
    some = f"there are {', '.join(map(quoted, names[:SHOWN]))}{' and more' if len(names) > SHOWN else ''}"
    found = [quoted(name) for name in near(part.text, names)]
    return QueryFault(message, part.span, did_you_mean(found, some if names else none), found)
