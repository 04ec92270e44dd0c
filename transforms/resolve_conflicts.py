"""Type conflicts settled by a policy (T6): first the ruling, then which of two merges stands."""

from collections.abc import Iterator, Mapping
from typing import cast

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from transforms.beam.steps import call, call_each
from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.rules.export_rows import Group
from transforms.rules.policies import OnConflict
from transforms.rules.schema import kept_kind
from transforms.rules.values import JsonObject


class DecideResolution(beam.PTransform):
    """The schema as it would be, to one Resolution: the kind that each field in conflict is to have."""

    def __init__(self, on_conflict: OnConflict, published: Mapping[Group, Mapping[str, str]]) -> None:
        """Takes the policy, and group to field to the kind of its values in the published version (T4)."""
        super().__init__()
        self._on_conflict: OnConflict = on_conflict
        self._published = published

    def expand(self, schema: beam.PCollection[JsonObject]) -> beam.PCollection[Resolution]:
        """A ruling without winners settles nothing: there is no conflict."""
        rule = call(_resolution_of, self._on_conflict, self._published).with_output_types(Resolution)
        return schema | "Rule" >> rule


def _resolution_of(
    schema: JsonObject, on_conflict: OnConflict, published: Mapping[Group, Mapping[str, str]]
) -> Resolution:
    kept_kinds: dict[Group, dict[str, str]] = {}
    for conflict in cast("list[JsonObject]", schema["conflicts"]):
        group, field = cast("Group", conflict["group"]), str(conflict["field"])
        kept_kinds.setdefault(group, {})[field] = kept_kind(
            cast("dict[str, int]", conflict["kinds"]),
            declared=cast("str | None", conflict.get("declared")),
            published=published.get(group, {}).get(field),
        )
    return Resolution(on_conflict, kept_kinds)


class ResolveConflicts(beam.PTransform):
    """(what was merged first, what was merged by the ruling) to the one of them that stands."""

    def __init__(self, resolution: beam.PCollection[Resolution]) -> None:
        """Takes the ruling."""
        super().__init__()
        self._resolution = resolution

    @no_annotations  # Beam knows no annotation for several inputs
    def expand(self, merged: tuple[beam.PCollection[object], beam.PCollection[object]]) -> beam.PCollection[object]:
        """What was merged first stands where there was nothing to settle; else there is nothing else."""
        first, again = merged
        unresolved = call_each(_unless_resolved, beam.pvalue.AsSingleton(self._resolution))
        standing = first | "KeepUnresolved" >> unresolved.with_output_types(first.element_type)
        return (standing, again) | "FlattenResolved" >> beam.Flatten()


def _unless_resolved(element: object, resolution: Resolution) -> Iterator[object]:
    if not resolution.kept_kinds:
        yield element
