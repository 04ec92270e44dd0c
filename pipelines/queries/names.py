"""Holds the names that a query may use: fields, core columns, labels, taxonomies, model runs of a version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pipelines.queries.conditions import AnnotationGroup, Column, Storage
from transforms.rules.avro_schema import COLUMNS
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import FieldJson, GroupJson, Groups

TYPES = ("box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "mask", "segment")
SEGMENTATION = "segmentation"
"""The name of a mask in exports."""
AXES = ("x", "y", "z")
GEOMETRY = ("position", "dimensions")

KnownValue: TypeAlias = tuple[str, str, str, int]
"""A category folded, as it is, the field that has it, and in how many records."""
_NOT_STORED = frozenset({"cache_key"})
"""Columns that are computed when rows are written."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names in the rows of annotations or predictions, each with its number of rows.

    Attributes:
        classes: By taxonomy, its classes.
    """

    labels: Mapping[str, int]
    types: Mapping[str, int]
    taxonomies: Mapping[str, int]
    runs: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a version.

    Attributes:
        schema: Group to its part of `schema.json`.
        read: Reads the vocabulary of a group from `insights.json`; called only if a query needs it.
    """

    schema: Groups[GroupJson]
    read: Callable[[AnnotationGroup], Vocabulary]
    _known: dict[AnnotationGroup, Vocabulary] = field(default_factory=dict)
    _values: dict[Group, list[KnownValue]] = field(default_factory=dict)

    def fields(self, group: Group) -> Mapping[str, FieldJson]:
        """Metadata key to its field in the schema."""
        return self.schema[group]["fields"]

    def values(self, group: Group) -> list[KnownValue]:
        """The categories of all fields of a group, in the order of their folded texts."""
        if group not in self._values:
            self._values[group] = sorted(
                (each["value"].casefold(), each["value"], key, each["count"])
                for key, of in self.fields(group).items()
                for each in of["categories"] or ()
            )
        return self._values[group]

    def vocabulary(self, group: AnnotationGroup) -> Vocabulary:
        """The names in the rows of a group."""
        if group not in self._known:
            self._known[group] = self.read(group)
        return self._known[group]


def _columns(group: Group) -> dict[str, Column]:
    kinds: Mapping[str, Storage] = {"string": "string", "long": "long", "double": "double"}
    return {
        name: Column("core", name, kinds[kind])
        for name, kind in COLUMNS[group]
        # JSON texts cannot be compared.
        if isinstance(kind, str) and name not in (*_NOT_STORED, "camera_params", "geometry", "class_pdf")
    }


CORE: Mapping[Group, Mapping[str, Column]] = {group: _columns(group) for group in COLUMNS}
"""The core columns of each group that can be compared, by name."""
