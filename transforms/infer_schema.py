"""InferSchema: combines summaries of batches and resolves them into the schema of each group (T1, T3, T5)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import apache_beam as beam

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.steps import StepFn, call
from transforms.kernels.batch.batch import Batch
from transforms.kernels.summarize.fields import summarize
from transforms.rules.crowds import MAX_FIELDS, most_fields
from transforms.rules.declared import Declared
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.fields import GROUP_ZERO, FieldSummary, key_count, limited, merge_groups
from transforms.rules.numbers import quantiles
from transforms.rules.schema import conflicts, other_choices, resolve_group
from transforms.rules.strings import MAX_CATEGORIES
from transforms.rules.values import JsonObject
from transforms.stages.elements import Summaries

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_QUANTILE_NAMES = tuple(f"{q:g}" for q in QUANTILES)


@dataclass(frozen=True, slots=True)
class SchemaOptions:
    """The inputs of a schema besides the records.

    Attributes:
        sticky_text: Group to the fields that were seen with more than 250 distinct strings before (T2).
        max_fields: How many metadata keys a group may have (R5).
        declared: The declared schema (D).
    """

    sticky_text: Mapping[Group, Collection[str]] = field(default_factory=dict)
    max_fields: int = MAX_FIELDS
    declared: Declared = field(default_factory=dict)


class InferSchema(beam.PTransform):
    """PCollection[Batch] to one JSON object: `groups` as in `schema.json`, `conflicts`, `quantiles` and more.

    `quantiles` has, by group and numerical field, the values at QUANTILES; `too_many_fields`, the number of metadata
    keys of each group that has more than `max_fields` (R5; with far more keys a group has no fields, and the number is
    exact up to `rules.crowds.MOST_COUNTED`); `sticky_text`, by group, the fields that are text permanently (T2);
    `other_choices`, by group and field, how many values are none of the declared choices (D2).

    The input is all batches of a dataset; their order and grouping do not change the result.
    """

    def __init__(self, options: SchemaOptions | None = None) -> None:
        """Takes the inputs of a schema besides the records."""
        super().__init__()
        self._options = options or SchemaOptions()

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[JsonObject]:
        """Summarizes each batch, merges all summaries, then resolves once."""
        summaries = batches | "SummarizeBatches" >> call(_summaries).with_output_types(Summaries)
        return summaries | "ResolveSchema" >> ResolveSchema(self._options)


class ResolveSchema(beam.PTransform):
    """PCollection[Summaries] to the JSON object of InferSchema."""

    def __init__(self, options: SchemaOptions) -> None:
        """Takes the inputs of a schema besides the records."""
        super().__init__()
        self._options = options

    def expand(self, summaries: beam.PCollection[Summaries]) -> beam.PCollection[JsonObject]:
        """Merges all summaries, then resolves once, also if there are none."""
        resolve = _ResolveSummariesFn(self._options)
        resolved = (
            summaries
            | "KeyAlike" >> call(_alike).with_output_types(tuple[int, Summaries])
            | "MergeSummaries" >> beam.CombinePerKey(resolve).with_output_types(tuple[int, JsonObject])
        )
        schema = beam.ParDo(_SchemaFn(resolve), beam.pvalue.AsDict(resolved)).with_output_types(dict)
        return summaries.pipeline | "Impulse" >> beam.Impulse() | "ResolveSummaries" >> schema


def _alike(summaries: Summaries) -> tuple[int, Summaries]:
    return 0, summaries


def _summaries(batch: Batch) -> Summaries:
    return Summaries({batch.group: summarize(batch)})


@beam.typehints.with_input_types(Summaries)
@beam.typehints.with_output_types(dict)
class _ResolveSummariesFn(beam.CombineFn):
    def __init__(self, options: SchemaOptions) -> None:
        self._options = options

    def get_accumulator_coder(self) -> beam.coders.Coder:
        return beam.coders.registry.get_coder(Summaries)

    def create_accumulator(self) -> Summaries:
        return Summaries()

    def add_input(self, accumulator: Summaries, element: Summaries) -> Summaries:
        return self.merge_accumulators([accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[Summaries]) -> Summaries:
        merged = Summaries()
        for summaries in accumulators:
            for group, summary in summaries.items():
                whole = merge_groups(merged.get(group, GROUP_ZERO), summary)
                merged[group] = limited(whole, most_fields(self._options.max_fields))
        return merged

    def extract_output(self, accumulator: Summaries) -> dict[str, object]:
        return resolve(accumulator, self._options)


class _SchemaFn(StepFn):
    def __init__(self, resolve: _ResolveSummariesFn) -> None:
        self._resolve = resolve

    def process(self, _: bytes, resolved: Mapping[int, dict[str, object]]) -> Iterator[dict[str, object]]:
        yield resolved[0] if resolved else self._resolve.extract_output(self._resolve.create_accumulator())


def resolve(summaries: Summaries, options: SchemaOptions) -> dict[str, object]:
    """The JSON object of InferSchema, from merged summaries."""
    found = {group: summaries.get(group, GROUP_ZERO) for group in GROUPS}
    sticky = {group: frozenset(options.sticky_text.get(group, ())) for group in GROUPS}
    declared = {group: options.declared.get(group, {}) for group in GROUPS}
    return {
        "too_many_fields": {
            # Rows whose keys were only counted may be fewer than the rows that were read with these keys.
            group: max(key_count(summary), options.max_fields + 1)
            for group, summary in found.items()
            if summary.crowd or len(summary.fields) > options.max_fields
        },
        "groups": {
            group: resolve_group(summary, sticky_text=sticky[group], declared=declared[group])
            for group, summary in found.items()
        },
        "conflicts": [
            conflict
            for group, summary in found.items()
            for conflict in conflicts(group, summary, declared=declared[group])
        ],
        "other_choices": {
            group: others for group, summary in found.items() if (others := other_choices(summary, declared[group]))
        },
        "sticky_text": {
            group: sorted(sticky[group] | {key for key, each in summary.fields.items() if _is_text(each)})
            for group, summary in found.items()
        },
        "quantiles": {
            group: {
                key: dict(zip(_QUANTILE_NAMES, at, strict=True))
                for key, each in sorted(summary.fields.items())
                if (at := quantiles(each.numbers, QUANTILES)) is not None
            }
            for group, summary in found.items()
        },
    }


def _is_text(summary: FieldSummary) -> bool:
    strings = summary.strings
    return len(strings.categories) > MAX_CATEGORIES if strings.categories is not None else strings.count > 0
