"""Resolves the merged summary of a group into its part of `schema.json` (T1 to T3)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import get_args

from transforms.rules import coordinates, numbers, strings
from transforms.rules.column_names import columns
from transforms.rules.declared import DeclaredField, DeclaredType, field_document
from transforms.rules.export_rows import Group
from transforms.rules.fields import FIELD_ZERO, FieldSummary, GroupSummary
from transforms.rules.metadata import RESERVED
from transforms.rules.schema_json import (
    CategoryJson,
    ConflictJson,
    FieldJson,
    FieldTypeName,
    GroupJson,
    KindName,
    ObservedJson,
    StorageName,
)
from transforms.rules.values import Kind, Observed


class FieldType(StrEnum):
    """The type of a field for a user of the dataset (T1)."""

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


_TYPE_NAMES: Mapping[FieldType, FieldTypeName] = {FieldType(name): name for name in get_args(FieldTypeName)}
_KIND_NAMES: Mapping[Kind, KindName] = {Kind(name): name for name in get_args(KindName)}
_STORAGE_NAMES: Mapping[Storage, StorageName] = {Storage(name): name for name in get_args(StorageName)}
_OF_DECLARED = {
    DeclaredType.NUMBER: FieldType.NUMERICAL,
    DeclaredType.CATEGORY: FieldType.CATEGORICAL,
    DeclaredType.TEXT: FieldType.TEXT,
    DeclaredType.JSON: FieldType.OTHER,
    DeclaredType.GEOGRAPHIC: FieldType.GEOGRAPHIC,
}
"""The type of a declared field that has no values (D3)."""


def resolve_group(
    summary: GroupSummary,
    *,
    sticky_text: frozenset[str] = frozenset(),
    declared: Mapping[str, DeclaredField] | None = None,
) -> GroupJson:
    """Return the `groups.<group>` object of `schema.json`, its fields sorted by key.

    Args:
        summary: The merged summary of all records of the group.
        sticky_text: Fields that were seen with more than 250 distinct strings before (T2).
        declared: Fields that are declared; those without a record are listed too (D3).
    """
    known = declared or {}
    fields = {**dict.fromkeys(known, FIELD_ZERO), **summary.fields}
    names = columns(fields)
    return {
        "records": summary.records,
        "fields": {
            key: _resolve(
                key,
                field,
                records=summary.records,
                column=names[key],
                sticky=key in sticky_text and key not in RESERVED,
                declared=known.get(key),
            )
            for key, field in sorted(fields.items())
        },
    }


def conflicts(
    group: Group, summary: GroupSummary, *, declared: Mapping[str, DeclaredField] | None = None
) -> list[ConflictJson]:
    """Return the fields with values of more than one kind, or of another than the declared one, by key (T3, D2)."""
    found: list[ConflictJson] = []
    for key, field in sorted(summary.fields.items()):
        pinned = (declared or {}).get(key)
        if field_type(key, field, declared=pinned) is FieldType.CONFLICT:
            kinds = {of.value: count for of, count in field.kinds.items()}
            conflict: ConflictJson = {"group": group, "field": key, "kinds": kinds}
            if pinned is not None:
                conflict["declared"] = pinned.kind.value
            found.append(conflict)
    return found


def kept_kind(kinds: Mapping[str, int], *, declared: str | None = None, published: str | None = None) -> str:
    """Return the kind that is kept of a field in conflict (T6, D2).

    It is the declared kind, else that of the published version, else the most frequent one; in a tie, string.

    >>> kept_kind({"number": 3, "string": 3}), kept_kind({"number": 3, "string": 2})
    ('string', 'number')
    >>> kept_kind({"number": 3}, declared="string")
    'string'
    """
    if declared is not None:
        return declared
    if published is not None:
        return published
    order = (Kind.STRING, Kind.NUMBER, Kind.OTHER)
    return max((kind.value for kind in order if kind.value in kinds), key=lambda kind: kinds[kind])


def other_choices(summary: GroupSummary, declared: Mapping[str, DeclaredField]) -> dict[str, int]:
    """Return the number of values of each field that are no declared choice; only published rows can have such (D2)."""
    found = {}
    for key, field in declared.items():
        if field.choices is None or key not in summary.fields:
            continue
        strings = summary.fields[key].strings
        allowed = frozenset(field.choices)
        counted = strings.categories or {}
        others = sum(count for value, count in counted.items() if value not in allowed)
        if others or strings.categories is None:
            found[key] = others or strings.count
    return found


def field_type(  # noqa: PLR0911 - one for each type, and for what decides before the values do
    key: str, field: FieldSummary, *, sticky: bool = False, declared: DeclaredField | None = None
) -> FieldType:
    """Return the type of a field (T1).

    Reserved keys are reserved whatever their values are: they are stored as JSON, and cannot conflict.

    Args:
        key: The metadata key.
        field: The merged summary of all its values.
        sticky: Whether more than 250 distinct strings were seen in the field before (T2).
        declared: The declaration of the field (D2, D3).
    """
    if key in RESERVED:
        return FieldType.RESERVED
    kinds = list(field.kinds)
    if declared is not None:
        if not kinds:
            return _OF_DECLARED[declared.type]
        if kinds != [declared.kind]:
            return FieldType.CONFLICT
    match kinds:
        case []:
            return FieldType.EMPTY
        case [Kind.NUMBER]:
            geographic = key in coordinates.KEYS and field.paired
            return FieldType.GEOGRAPHIC if geographic else FieldType.NUMERICAL
        case [Kind.STRING]:
            if declared is not None and declared.choices is not None:
                sticky = False
            text = sticky or (declared is not None and declared.type is DeclaredType.TEXT)
            return FieldType.TEXT if text or field.strings.categories is None else FieldType.CATEGORICAL
        case [Kind.OTHER]:
            return FieldType.OTHER
        case _:
            return FieldType.CONFLICT


def storage(of: FieldType, field: FieldSummary) -> Storage | None:
    """Return the storage of a field: long if all numbers are integers within int64, else double (V7).

    None for a conflict, which is not published, and for a field without values.
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


def _resolve(
    key: str, field: FieldSummary, *, records: int, column: str, sticky: bool, declared: DeclaredField | None
) -> FieldJson:
    of = field_type(key, field, sticky=sticky, declared=declared)
    stored = storage(of, field)
    kinds = [Kind.OTHER] if of is FieldType.RESERVED else list(field.kinds)
    if declared is not None and not kinds:
        kinds = [declared.kind]
    resolved: FieldJson = {
        "type": _TYPE_NAMES[of],
        "kind": _KIND_NAMES[kinds[0]] if len(kinds) == 1 else None,
        "storage": _STORAGE_NAMES[stored] if stored else None,
        "column": column if stored else None,
        "present": field.present,
        "null": field.null,
        "missing": records - field.present - field.null,
        "observed": _observed(field.observed),
        "distinct": None,
        "categories": None,
        "minimum": None,
        "maximum": None,
        "mean": None,
        "stddev": None,
        "inexact": field.numbers.inexact,
    }
    if declared is not None:
        resolved["declared"] = field_document(declared)
    match stored:
        case Storage.LONG | Storage.DOUBLE:
            numbered = field.numbers
            resolved["minimum"], resolved["maximum"] = (
                # As they are stored: ints or doubles.
                value if value is None or stored is Storage.LONG else float(value)
                for value in (numbered.minimum, numbered.maximum)
            )
            resolved["mean"], resolved["stddev"] = numbers.mean(numbered), numbers.stddev(numbered)
        case Storage.STRING:
            value, exact = strings.distinct(field.strings)
            resolved["distinct"] = {"value": value, "exact": exact}
            counted = field.strings.categories if of is FieldType.CATEGORICAL else None
            resolved["categories"] = None if counted is None else _categories(counted)
        case Storage.JSON | None:
            pass
    return resolved


def _observed(counted: Mapping[Observed, int]) -> ObservedJson:
    return {
        "bool": counted.get(Observed.BOOL, 0),
        "int": counted.get(Observed.INT, 0),
        "float": counted.get(Observed.FLOAT, 0),
        "string": counted.get(Observed.STRING, 0),
        "list": counted.get(Observed.LIST, 0),
        "object": counted.get(Observed.OBJECT, 0),
    }


def _categories(counted: Mapping[str, int]) -> list[CategoryJson]:
    """Return the categories by count, the most frequent first, then by value."""
    ordered = sorted(counted.items(), key=lambda category: (-category[1], category[0]))
    return [{"value": value, "count": count} for value, count in ordered]
