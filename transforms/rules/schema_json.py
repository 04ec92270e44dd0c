"""Defines the types of `schema.json`, and of the object with which a job resolves it.

Readers validate against these types (`msgspec`), which is why counts have a limit.
"""

from collections.abc import Callable
from typing import Annotated, Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

import msgspec

from transforms.rules.export_rows import Group

_T = TypeVar("_T")
Count = Annotated[int, msgspec.Meta(ge=0)]
FieldTypeName = Literal["numerical", "categorical", "text", "geographic", "other", "reserved", "conflict", "empty"]
"""Names of `transforms.rules.schema.FieldType`."""
KindName = Literal["number", "string", "other"]
"""Names of `transforms.rules.values.Kind`."""
StorageName = Literal["long", "double", "string", "json"]
"""Names of `transforms.rules.schema.Storage`."""


class Groups(TypedDict, Generic[_T]):
    """An object with a member for each group."""

    items: _T
    scenes: _T
    annotations: _T
    predictions: _T


def by_group(of: Callable[[Group], _T]) -> Groups[_T]:
    """The object with what `of` returns for each group.

    >>> by_group(len)
    {'items': 5, 'scenes': 6, 'annotations': 11, 'predictions': 11}
    """
    return {
        "items": of("items"),
        "scenes": of("scenes"),
        "annotations": of("annotations"),
        "predictions": of("predictions"),
    }


class CategoryJson(TypedDict):
    """A category and how many records have it."""

    value: str
    count: Count


ObservedJson = TypedDict(  # noqa: UP013 - a class would give its own members the names of their types
    "ObservedJson",
    {"bool": Count, "int": Count, "float": Count, "string": Count, "list": Count, "object": Count},
)
"""Number of values of each JSON type in the exports."""


class DistinctJson(TypedDict):
    """Number of distinct strings, and whether it is exact."""

    value: Count
    exact: bool


class DeclaredFieldJson(TypedDict):
    """The declaration of a field (D1)."""

    type: str
    choices: list[str] | None
    description: str | None


DeclaredJson: TypeAlias = dict[Group, dict[str, DeclaredFieldJson]]
"""The declaration of a dataset: the fields of each group that has any (D1)."""


class StoredFieldJson(TypedDict):
    """The members of a field that decide how its values are written and counted."""

    type: FieldTypeName
    storage: StorageName | None
    column: str | None
    minimum: int | float | None
    maximum: int | float | None


class FieldJson(StoredFieldJson):
    """A field in `schema.json` (INTERFACE).

    Examples:
        >>> from transforms.api import infer_schema, normalize_records
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg", "metadata": {"speed": 12}}]
        >>> field = infer_schema(normalize_records(records, "items").batches)["groups"]["items"]["fields"]["speed"]
        >>> field["type"], field["present"], field["minimum"], field["maximum"]
        ('numerical', 1, 12, 12)
    """

    kind: KindName | None
    present: Count
    null: Count
    missing: Count
    observed: ObservedJson
    distinct: DistinctJson | None
    categories: list[CategoryJson] | None
    mean: int | float | None
    stddev: int | float | None
    inexact: Count
    declared: NotRequired[DeclaredFieldJson]


class GroupJson(TypedDict):
    """A group in `schema.json`."""

    records: Count
    fields: dict[str, FieldJson]


class ConflictJson(TypedDict):
    """A field with values of more than one kind, or of another than the declared one (T3, D2)."""

    group: Group
    field: str
    kinds: dict[str, Count]
    declared: NotRequired[str]


class ExampleJson(TypedDict):
    """A value in conflict, and where its record is; the line is null for a record of an earlier job."""

    export: str
    offset: Count
    reference_id: str
    kind: str
    value: str | int | float | bool
    line: Count | None


class ResolvedJson(TypedDict):
    """The schema of a job with all that decides whether it can be published.

    Attributes:
        too_many_fields: The number of metadata keys of each group that has more than `max_fields` (R5).
        groups: As in `schema.json`.
        conflicts: By group and field.
        other_choices: By group and field, how many values are none of the declared choices (D2).
        sticky_text: By group, the fields that are text permanently (T2).
        quantiles: By group and numerical field, quantile to value.

    Examples:
        >>> from transforms.api import infer_schema
        >>> schema = infer_schema([])
        >>> sorted(schema)
        ['conflicts', 'groups', 'other_choices', 'quantiles', 'sticky_text', 'too_many_fields']
    """

    too_many_fields: dict[str, int]
    groups: Groups[GroupJson]
    conflicts: list[ConflictJson]
    other_choices: dict[str, dict[str, int]]
    sticky_text: Groups[list[str]]
    quantiles: Groups[dict[str, dict[str, float]]]
