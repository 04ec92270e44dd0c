"""Resolution of a group's summary into its part of `schema.json`: the last step, after every merge (T1 to T3)."""

from collections.abc import Mapping
from enum import StrEnum

from transforms.rules import coordinates, numbers, strings
from transforms.rules.column_names import columns
from transforms.rules.fields import FieldSummary, GroupSummary
from transforms.rules.metadata import RESERVED
from transforms.rules.values import JsonObject, JsonValue, Kind, Observed


class FieldType(StrEnum):
    """What a field is to a user of the dataset (T1)."""

    NUMERICAL = "numerical"
    CATEGORICAL = "categorical"
    TEXT = "text"
    GEOGRAPHIC = "geographic"
    OTHER = "other"
    RESERVED = "reserved"
    CONFLICT = "conflict"
    EMPTY = "empty"


class Storage(StrEnum):
    """How the values of a field are stored (V4, V7)."""

    LONG = "long"
    DOUBLE = "double"
    STRING = "string"
    JSON = "json"


def resolve_group(summary: GroupSummary, *, sticky_text: frozenset[str] = frozenset()) -> JsonObject:
    """Return the `groups.<group>` object of `schema.json`, its fields sorted by key.

    Args:
        summary: The merged summary of all records of the group.
        sticky_text: Fields that an earlier version of the dataset held as text (T2).
    """
    names = columns(summary.fields)
    return {
        "records": summary.records,
        "fields": {
            key: _resolve(
                key,
                field,
                records=summary.records,
                column=names[key],
                sticky=key in sticky_text and key not in RESERVED,
            )
            for key, field in sorted(summary.fields.items())
        },
    }


def conflicts(group: str, summary: GroupSummary) -> list[JsonObject]:
    """Return the fields with values of more than one kind, sorted by key (T3).

    Each is {"group", "field", "kinds": {kind: count}}.
    """
    return [
        {"group": group, "field": key, "kinds": {of.value: count for of, count in field.kinds.items()}}
        for key, field in sorted(summary.fields.items())
        if field_type(key, field) is FieldType.CONFLICT
    ]


def field_type(key: str, field: FieldSummary, *, sticky: bool = False) -> FieldType:
    """Return the type of a field (T1).

    Reserved keys are reserved whatever they hold: they are kept as JSON, and nothing can conflict there.

    Args:
        key: The metadata key.
        field: The merged summary of all its values.
        sticky: Whether an earlier version held the field as text (T2).
    """
    if key in RESERVED:
        return FieldType.RESERVED
    match list(field.kinds):
        case []:
            return FieldType.EMPTY
        case [Kind.NUMBER]:
            geographic = key in coordinates.KEYS and field.paired
            return FieldType.GEOGRAPHIC if geographic else FieldType.NUMERICAL
        case [Kind.STRING]:
            return FieldType.TEXT if sticky or field.strings.categories is None else FieldType.CATEGORICAL
        case [Kind.OTHER]:
            return FieldType.OTHER
        case _:
            return FieldType.CONFLICT


def storage(of: FieldType, field: FieldSummary) -> Storage | None:
    """Return how a field is stored: long where all numbers are integers within int64, else double (V7).

    None for a conflict, of which nothing is published, and for a field that has no values.
    """
    match of:
        case FieldType.NUMERICAL | FieldType.GEOGRAPHIC:
            whole = not field.observed.get(Observed.FLOAT, 0) and not field.numbers.beyond_long
            return Storage.LONG if whole else Storage.DOUBLE
        case FieldType.CATEGORICAL | FieldType.TEXT:
            return Storage.STRING
        case FieldType.OTHER | FieldType.RESERVED:
            return Storage.JSON
        case FieldType.CONFLICT | FieldType.EMPTY:
            return None


def _resolve(key: str, field: FieldSummary, *, records: int, column: str, sticky: bool) -> JsonObject:
    of = field_type(key, field, sticky=sticky)
    stored = storage(of, field)
    kinds = [Kind.OTHER] if of is FieldType.RESERVED else list(field.kinds)
    resolved: JsonObject = {
        "type": of.value,
        "kind": kinds[0].value if len(kinds) == 1 else None,
        "storage": stored.value if stored else None,
        "column": column if stored else None,
        "present": field.present,
        "null": field.null,
        "missing": records - field.present - field.null,
        "observed": {seen.value: field.observed.get(seen, 0) for seen in Observed},
        "distinct": None,
        "categories": None,
        "minimum": None,
        "maximum": None,
        "mean": None,
        "stddev": None,
        "inexact": field.numbers.inexact,
    }
    match stored:
        case Storage.LONG | Storage.DOUBLE:
            return resolved | _statistics(field.numbers, exact=stored is Storage.LONG)
        case Storage.STRING:
            value, exact = strings.distinct(field.strings)
            counted = field.strings.categories if of is FieldType.CATEGORICAL else None
            return resolved | {
                "distinct": {"value": value, "exact": exact},
                "categories": None if counted is None else _categories(counted),
            }
        case Storage.JSON | None:
            return resolved


def _statistics(summary: numbers.NumberSummary, *, exact: bool) -> JsonObject:
    """Return the extremes as they are stored (ints or doubles), and the moments."""
    extremes: JsonObject = {
        name: value if value is None or exact else float(value)
        for name, value in (("minimum", summary.minimum), ("maximum", summary.maximum))
    }
    return {**extremes, "mean": numbers.mean(summary), "stddev": numbers.stddev(summary)}


def _categories(counted: Mapping[str, int]) -> list[JsonValue]:
    """Return the categories by count, the most frequent first, then by value."""
    ordered = sorted(counted.items(), key=lambda category: (-category[1], category[0]))
    return [{"value": value, "count": count} for value, count in ordered]
