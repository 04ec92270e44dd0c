"""Shows the schema of a version to programs: the fields of each group, as `schema.json` has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from pipelines.dataset.documents.types import SchemaJson
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.schema_json import FieldJson, FieldTypeName, KindName, StorageName


@dataclass(frozen=True, slots=True)
class Field:
    """A metadata field of a group.

    Attributes:
        key: Its key in the metadata.
        column: The name of its column in a frame.
        type: Its type (T1).
        kind: The kind of its values; None if it has none.
        storage: How its values are stored; None likewise.
        present, null, missing: How many records have a value, `null`, or neither; together all records of the group.
        distinct: How many distinct strings it has, or None.
        distinct_is_exact: Whether that is their number, and not an estimate.
        categories: Each category with how many records have it, the most frequent first; empty if it is not
            categorical.
        minimum, maximum, mean, stddev: Of numbers; None for other fields.
        description: As declared (D1); None without one.

    Examples:
        >>> speed = dataset.schema["items"]["speed"]
        >>> speed.column, speed.type, speed.present, speed.missing, speed.mean
        ('metadata.speed', 'numerical', 2, 0, 19.75)
    """

    key: str
    column: str
    type: FieldTypeName
    kind: KindName | None
    storage: StorageName | None
    present: int
    null: int
    missing: int
    distinct: int | None
    distinct_is_exact: bool
    categories: Mapping[str, int]
    minimum: float | None
    maximum: float | None
    mean: float | None
    stddev: float | None
    description: str | None

    @classmethod
    def of(cls, key: str, field: FieldJson, column: str) -> Self:
        """The field of a key in `schema.json`, whose column in a frame has this name.

        Examples:
            >>> from transforms.api import infer_schema, normalize_records
            >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg", "metadata": {"speed": 12}}]
            >>> schema = infer_schema(normalize_records(records, "items").batches)
            >>> Field.of("speed", schema["groups"]["items"]["fields"]["speed"], "metadata.speed").maximum
            12
        """
        distinct, declared = field["distinct"], field.get("declared")
        return cls(
            key=key,
            column=column,
            type=field["type"],
            kind=field["kind"],
            storage=field["storage"],
            present=field["present"],
            null=field["null"],
            missing=field["missing"],
            distinct=None if distinct is None else distinct["value"],
            distinct_is_exact=distinct is not None and distinct["exact"],
            categories=MappingProxyType({each["value"]: each["count"] for each in field["categories"] or ()}),
            minimum=field["minimum"],
            maximum=field["maximum"],
            mean=field["mean"],
            stddev=field["stddev"],
            description=None if declared is None else declared["description"],
        )


def fields(schema: SchemaJson) -> Mapping[Group, Mapping[str, Field]]:
    """Group to key to field, in the order of `schema.json`."""
    from transforms.kernels.publish.columns import metadata_column  # noqa: PLC0415 - loads polars, which takes long

    return MappingProxyType(
        {
            group: MappingProxyType(
                {
                    key: Field.of(key, field, metadata_column(key))
                    for key, field in schema["groups"][group]["fields"].items()
                }
            )
            for group in GROUPS
        }
    )
