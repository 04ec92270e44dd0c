"""Type conflicts settled by a policy (T6): first the ruling, then which of two merges stands."""

from collections.abc import Iterator, Mapping
from typing import cast

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from transforms.beam.steps import call, call_each
from transforms.kernels.merge.resolve_conflicts import Ruling
from transforms.rules.export_rows import Group
from transforms.rules.policies import OnConflict
from transforms.rules.schema import winner
from transforms.rules.values import JsonObject


class RuleConflicts(beam.PTransform):
    """The schema as it would be, to one Ruling: the kind that each field in conflict is to have."""

    def __init__(self, on_conflict: OnConflict, published: Mapping[Group, Mapping[str, str]]) -> None:
        """Takes the policy, and group to field to the kind of its values in the published version (T4)."""
        super().__init__()
        self._on_conflict: OnConflict = on_conflict
        self._published = published

    def expand(self, schema: beam.PCollection[JsonObject]) -> beam.PCollection[Ruling]:
        """A ruling without winners settles nothing: there is no conflict."""
        rule = call(_rule, self._on_conflict, self._published).with_output_types(Ruling)
        return schema | "Rule" >> rule


def _rule(schema: JsonObject, on_conflict: OnConflict, published: Mapping[Group, Mapping[str, str]]) -> Ruling:
    winners: dict[Group, dict[str, str]] = {}
    for conflict in cast("list[JsonObject]", schema["conflicts"]):
        group, field = cast("Group", conflict["group"]), str(conflict["field"])
        winners.setdefault(group, {})[field] = winner(
            cast("dict[str, int]", conflict["kinds"]),
            declared=cast("str | None", conflict.get("declared")),
            published=published.get(group, {}).get(field),
        )
    return Ruling(on_conflict, winners)


class SettleConflicts(beam.PTransform):
    """(what was merged first, what was merged by the ruling) to the one of them that stands."""

    def __init__(self, ruling: beam.PCollection[Ruling]) -> None:
        """Takes the ruling."""
        super().__init__()
        self._ruling = ruling

    @no_annotations  # Beam knows no annotation for several inputs
    def expand(self, merged: tuple[beam.PCollection[object], beam.PCollection[object]]) -> beam.PCollection[object]:
        """What was merged first stands where there was nothing to settle; else there is nothing else."""
        first, again = merged
        unsettled = call_each(_unless_settled, beam.pvalue.AsSingleton(self._ruling))
        standing = first | "KeepUnsettled" >> unsettled.with_output_types(first.element_type)
        return (standing, again) | "FlattenSettled" >> beam.Flatten()


def _unless_settled(element: object, ruling: Ruling) -> Iterator[object]:
    if not ruling.winners:
        yield element
