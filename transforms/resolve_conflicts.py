"""ResolveConflicts: applies the policy for type conflicts, with DecideResolution for the kinds to keep (T6)."""

from collections.abc import Iterator, Mapping

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from transforms.beam.steps import call, call_each
from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.rules.export_rows import Group
from transforms.rules.policies import OnConflict
from transforms.rules.schema_json import ResolvedJson
from transforms.stages.resolve_conflicts import decide_resolution


class DecideResolution(beam.PTransform):
    """The schema with its conflicts, to one Resolution: the kind to keep of each field in conflict."""

    def __init__(self, on_conflict: OnConflict, published: Mapping[Group, Mapping[str, str]]) -> None:
        """Takes the policy, and group to field to the kind of its values in the published version (T4)."""
        super().__init__()
        self._on_conflict: OnConflict = on_conflict
        self._published = published

    def expand(self, schema: beam.PCollection[ResolvedJson]) -> beam.PCollection[Resolution]:
        """A resolution without kept kinds means that there is no conflict."""
        decide = call(decide_resolution, self._on_conflict, self._published).with_output_types(Resolution)
        return schema | "Decide" >> decide


class ResolveConflicts(beam.PTransform):
    """(output of the first merge, output of the merge with the resolution) to the effective one of the two."""

    def __init__(self, resolution: beam.PCollection[Resolution]) -> None:
        """Takes the resolution."""
        super().__init__()
        self._resolution = resolution

    @no_annotations  # Beam knows no annotation for several inputs
    def expand(self, merged: tuple[beam.PCollection[object], beam.PCollection[object]]) -> beam.PCollection[object]:
        """Without a conflict the first merge is effective and the second is empty; else the second is effective."""
        first, again = merged
        unresolved = call_each(_unless_resolved, beam.pvalue.AsSingleton(self._resolution))
        standing = first | "KeepUnresolved" >> unresolved.with_output_types(first.element_type)
        return (standing, again) | "FlattenResolved" >> beam.Flatten()


def _unless_resolved(element: object, resolution: Resolution) -> Iterator[object]:
    if not resolution.kept_kinds:
        yield element
