"""RowsAsDicts: checked rows as dicts, typed by their schema, for pipelines of one's own."""

from collections.abc import Sequence

import apache_beam as beam

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.steps import call_each
from transforms.kernels.batch.batch import Batch
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import ResolvedJson
from transforms.stages.rows_as_dicts import rows_as_dicts


class RowsAsDicts(beam.PTransform):
    """PCollection[Batch], with the schema as side input, to one dict for each row: `rows_as_dicts`.

    Examples:
        >>> import apache_beam as beam
        >>> from apache_beam.runners.portability.fn_api_runner import FnApiRunner
        >>> from transforms.api import InferSchema, NormalizeRecords
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg", "metadata": {"speed": 12}}]
        >>> with beam.Pipeline(runner=FnApiRunner()) as root:
        ...     batches = (root | beam.Create(records) | NormalizeRecords("items")).batches
        ...     rows = batches | RowsAsDicts(schema=batches | InferSchema())
        ...     _ = rows | beam.Map(lambda row: print(row["reference_id"], row["metadata"]))
        a {'speed': 12}
    """

    def __init__(
        self,
        *,
        schema: beam.PCollection[ResolvedJson],
        exports: Sequence[str] = (),
        cache_keys: CacheKeyMode = "canonical",
    ) -> None:
        """Takes the one schema, the names of the exports by number if there are any, and how keys are hashed."""
        super().__init__()
        self._schema = schema
        self._exports = list(exports)
        self._cache_keys: CacheKeyMode = cache_keys

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[dict[str, object]]:
        """Each batch on its own."""
        schema = beam.pvalue.AsSingleton(self._schema)
        return batches | "ListRows" >> call_each(self._rows, schema).with_output_types(dict)

    def _rows(self, batch: Batch, schema: ResolvedJson) -> list[dict[str, object]]:
        return list(rows_as_dicts(batch, schema, exports=self._exports, cache_keys=self._cache_keys))
