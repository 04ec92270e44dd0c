"""InferSchema: batches to the schema of each group (T1, T3, T5). The CombineFn only forwards to the monoid."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

import apache_beam as beam

from transforms import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.kernels.batch import Batch
from transforms.kernels.fields import summarize
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.fields import GROUP_ZERO, GroupSummary, merge_groups
from transforms.rules.numbers import quantile
from transforms.rules.schema import conflicts, resolve_group
from transforms.rules.values import JsonObject

Summaries: TypeAlias = dict[str, GroupSummary]
"""Group to its summary; groups without records may be absent."""


MAX_FIELDS = 2000
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


class InferSchema(beam.PTransform):
    """PCollection[Batch] to one JSON object: `groups` as in `schema.json`, `conflicts`, and `quantiles`.

    `quantiles` has, by group and numerical field, the values at QUANTILES; `too_many_fields`, the number of metadata
    keys of each group that has more than `max_fields` (R5).

    Give all batches of a dataset; in which order, and how they are grouped, changes nothing.
    """

    def __init__(
        self, *, sticky_text: Mapping[Group, Collection[str]] | None = None, max_fields: int = MAX_FIELDS
    ) -> None:
        """Takes the fields that an earlier version held as text, by group (T2), and how many keys a group may have."""
        super().__init__()
        self._max_fields = max_fields
        self._sticky = {group: frozenset(keys) for group, keys in (sticky_text or {}).items()}

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[JsonObject]:
        """Summarizes batch by batch, merges, and only then resolves."""
        return (
            batches
            | "SummarizeBatches" >> beam.Map(_summaries).with_output_types(Summaries)
            | "MergeSummaries" >> beam.CombineGlobally(_MergeSummariesFn())
            | "ResolveSchema" >> beam.Map(_resolve, self._sticky, self._max_fields).with_output_types(dict)
        )


def _summaries(batch: Batch) -> Summaries:
    return {batch.group: summarize(batch)}


class _MergeSummariesFn(beam.CombineFn):
    def create_accumulator(self) -> Summaries:
        return {}

    def add_input(self, accumulator: Summaries, element: Summaries) -> Summaries:
        return self.merge_accumulators([accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[Summaries]) -> Summaries:
        merged: Summaries = {}
        for summaries in accumulators:
            for group, summary in summaries.items():
                merged[group] = merge_groups(merged.get(group, GROUP_ZERO), summary)
        return merged

    def extract_output(self, accumulator: Summaries) -> Summaries:
        return accumulator


def _resolve(summaries: Summaries, sticky: Mapping[Group, frozenset[str]], max_fields: int) -> JsonObject:
    return {
        "too_many_fields": {
            group: len(summary.fields)
            for group, summary in sorted(summaries.items())
            if len(summary.fields) > max_fields
        },
        "groups": {
            group: resolve_group(summaries.get(group, GROUP_ZERO), sticky_text=sticky.get(group, frozenset()))
            for group in GROUPS
        },
        "conflicts": [conflict for group in GROUPS for conflict in conflicts(group, summaries.get(group, GROUP_ZERO))],
        "quantiles": {
            group: {
                key: {f"{q:g}": quantile(field.numbers, q) for q in QUANTILES}
                for key, field in sorted(summaries.get(group, GROUP_ZERO).fields.items())
                if field.numbers.count
            }
            for group in GROUPS
        },
    }
