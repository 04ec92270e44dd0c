"""InferSchema: combines summaries of batches and resolves them into the schema of each group (T1, T3, T5)."""

from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.steps import StepFn, call
from transforms.kernels.batch.batch import Batch
from transforms.rules.schema_json import ResolvedJson
from transforms.stages.elements import Summaries
from transforms.stages.infer_schema import SchemaOptions, merge_summaries, resolve, summarize_batch


class InferSchema(beam.PTransform):
    """PCollection[Batch] to one JSON object, that of `infer_schema`: groups, conflicts, quantiles and more.

    The input is all batches of a dataset; their order and grouping do not change the result.

    Examples:
        >>> import apache_beam as beam
        >>> from apache_beam.runners.portability.fn_api_runner import FnApiRunner
        >>> from transforms.api import NormalizeRecords
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg", "metadata": {"speed": 12}}]
        >>> with beam.Pipeline(runner=FnApiRunner()) as root:
        ...     schema = (root | beam.Create(records) | NormalizeRecords("items")).batches | InferSchema()
        ...     _ = schema | beam.Map(lambda found: print(found["groups"]["items"]["fields"]["speed"]["type"]))
        numerical
    """

    def __init__(self, options: SchemaOptions | None = None) -> None:
        """Takes the inputs of a schema besides the records."""
        super().__init__()
        self._options = options or SchemaOptions()

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[ResolvedJson]:
        """Summarizes each batch, merges all summaries, then resolves once."""
        summaries = batches | "SummarizeBatches" >> call(summarize_batch).with_output_types(Summaries)
        return summaries | "ResolveSchema" >> ResolveSchema(self._options)


class ResolveSchema(beam.PTransform):
    """PCollection[Summaries] to the JSON object of InferSchema."""

    def __init__(self, options: SchemaOptions) -> None:
        """Takes the inputs of a schema besides the records."""
        super().__init__()
        self._options = options

    def expand(self, summaries: beam.PCollection[Summaries]) -> beam.PCollection[ResolvedJson]:
        """Merges all summaries, then resolves once, also if there are none."""
        resolve = _ResolveSummariesFn(self._options)
        resolved = (
            summaries
            | "KeyAlike" >> call(_alike).with_output_types(tuple[int, Summaries])
            | "MergeSummaries" >> beam.CombinePerKey(resolve).with_output_types(tuple[int, ResolvedJson])
        )
        schema = beam.ParDo(_SchemaFn(resolve), beam.pvalue.AsDict(resolved)).with_output_types(dict)
        return summaries.pipeline | "Impulse" >> beam.Impulse() | "ResolveSummaries" >> schema


def _alike(summaries: Summaries) -> tuple[int, Summaries]:
    return 0, summaries


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
        return merge_summaries(accumulators, self._options)

    def extract_output(self, accumulator: Summaries) -> ResolvedJson:
        return resolve(accumulator, self._options)


class _SchemaFn(StepFn):
    def __init__(self, resolve: _ResolveSummariesFn) -> None:
        self._resolve = resolve

    def process(self, _: bytes, resolved: Mapping[int, ResolvedJson]) -> Iterator[ResolvedJson]:
        yield resolved[0] if resolved else self._resolve.extract_output(self._resolve.create_accumulator())
