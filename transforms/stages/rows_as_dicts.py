"""Turns checked rows into dicts, typed by their schema, for programs of one's own."""

from collections.abc import Iterator, Sequence

import polars as pl

from transforms.avro.parts import avro_container, rows_of
from transforms.kernels.batch.batch import Batch
from transforms.kernels.publish.rows import publish
from transforms.rules.avro_schema import row_schema
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import ResolvedJson
from transforms.stages.infer_schema import obstacles


def rows_as_dicts(
    batch: Batch, schema: ResolvedJson, *, exports: Sequence[str] = (), cache_keys: CacheKeyMode = "canonical"
) -> Iterator[dict[str, object]]:
    """Each row of a batch as a reader of the published Avro parts gets it.

    Args:
        batch: Rows as `normalize_chunks` gives them.
        schema: The JSON object of `infer_schema`, of these rows or of more.
        exports: Names of the exports by number, for `source`; without them rows have no `source`.
        cache_keys: What is hashed for cache keys.

    Raises:
        ValueError: The schema has a conflict, too many fields or undeclared choices, so that rows have no types.

    Examples:
        >>> from transforms.api import infer_schema, normalize_records
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg", "metadata": {"speed": 12}}]
        >>> (batch,) = normalize_records(records, "items").batches
        >>> (row,) = rows_as_dicts(batch, infer_schema([batch]))
        >>> row["reference_id"], row["image_url"], row["metadata"]
        ('a', 's3://b/a.jpg', {'speed': 12})
    """
    if found := obstacles(schema):
        raise ValueError(f"expected a schema that rows can be typed by, got {found}")
    fields = schema["groups"][batch.group]["fields"]
    numbers = batch.rows["export"]
    names = pl.Series([*exports] or [""], dtype=pl.String).gather(numbers if exports else numbers * 0)
    named = Batch(batch.group, batch.rows.with_columns(export_name=names), batch.cells)
    published = publish(named, fields, cache_keys=cache_keys)
    container = avro_container(published.core, row_schema(batch.group, fields), records=published.records)
    for row in rows_of(b"".join(container)):
        if not exports:
            del row["source"]
        yield row
