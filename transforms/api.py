"""The public surface of the transforms, for pipelines and programs of one's own; everything else may change.

Transforms of Beam, each with a twin that is a function over batches and needs no pipeline:

| transform | function | from | to |
|---|---|---|---|
| `ReadExports` | `read_byte_ranges` over `byte_ranges` | `Export` | chunks of raw records |
| `Normalize` | `normalize_chunks`, `split_by_partition` | chunks | `Batch` by partition, `Rejections`, `Reading` |
| `NormalizeRecords` | `normalize_records` | dicts | `Batch`, `Rejection`, `Reading` |
| `InferSchema` | `infer_schema` | `Batch` | one schema, as in `schema.json`, with its conflicts |
| `RowsAsDicts` | `rows_as_dicts` | `Batch` and the schema | dicts, as in the published Avro parts |

A `Batch` has checked rows of one group as columns, and `Rejections` are columns that make each a `Rejection` when they
are iterated over. Each record counts as it came in: duplicates and references to
unknown items are decided by a job, which knows the published dataset. `local_exports` makes exports of local files.
"""

import os
from collections.abc import Iterable

from transforms.infer_schema import InferSchema
from transforms.kernels.batch.batch import Batch
from transforms.normalize import READINGS, REJECTED, Normalize, NormalizeRecords
from transforms.read_exports import ReadExports
from transforms.rows_as_dicts import RowsAsDicts
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.schema_json import FieldJson, ResolvedJson
from transforms.stages.elements import Export, Reading, Rejection
from transforms.stages.exports import byte_ranges
from transforms.stages.infer_schema import SchemaOptions, can_publish, infer_schema
from transforms.stages.normalize import NormalizedChunks, normalize_chunks, normalize_records, split_by_partition
from transforms.stages.read_exports import read_byte_ranges
from transforms.stages.rejections import Rejections
from transforms.stages.rows_as_dicts import rows_as_dicts

__all__ = [
    "GROUPS",
    "READINGS",
    "REJECTED",
    "Batch",
    "Export",
    "FieldJson",
    "Group",
    "InferSchema",
    "Normalize",
    "NormalizeRecords",
    "NormalizedChunks",
    "ReadExports",
    "Reading",
    "Rejection",
    "Rejections",
    "ResolvedJson",
    "RowsAsDicts",
    "SchemaOptions",
    "byte_ranges",
    "can_publish",
    "infer_schema",
    "local_exports",
    "normalize_chunks",
    "normalize_records",
    "read_byte_ranges",
    "rows_as_dicts",
    "split_by_partition",
]


def local_exports(files: Iterable[tuple[Group, str, str | None]]) -> list[Export]:
    """The exports of (group, path, model run or None), in their order.

    Raises:
        OSError: A file is not there.

    Examples:
        >>> exports = local_exports([("items", "items.ndjson", None), ("predictions", "v2.ndjson", "detector_v2")])
        >>> [(each.number, each.uri, each.group, each.model_run) for each in exports]
        [(0, 'items.ndjson', 'items', None), (1, 'v2.ndjson', 'predictions', 'detector_v2')]
    """
    return [
        Export(number, path, group, model_run, os.stat(path).st_size)  # noqa: PTH116 - the path is text, as a URI is
        for number, (group, path, model_run) in enumerate(files)
    ]
