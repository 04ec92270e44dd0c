"""Checks records in a Beam pipeline of one's own: dicts in, rows as dicts and their schema out; nothing is published.

    python examples/records_to_rows.py

An exporter gives a dict for each item. NormalizeRecords checks them, InferSchema gives each metadata field a type, and
RowsAsDicts gives the rows with values of these types, coordinates and cache keys, as the Avro parts of a dataset have
them.
"""

import sys
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from transforms.api import REJECTED, InferSchema, NormalizeRecords, Rejection, ResolvedJson, RowsAsDicts

RECORDS: list[dict[str, object]] = [
    {
        "reference_id": "frame-1",
        "image_url": "https://images.example.org/1.jpg?X-Goog-Signature=0",
        "metadata": {"weather": "rain", "speed": 12, "lat": "52.5", "lon": "13.4", "wipers": True},
    },
    {
        "reference_id": "frame-2",
        "image_url": "https://images.example.org/2.jpg",
        "metadata": {"weather": "sun", "speed": 27.5, "lat": 52.6, "lon": 13.5},
    },
    {"reference_id": "frame-3", "metadata": {"weather": "fog"}},
]
"""What an exporter has; the last one lacks its image."""


def build(records: beam.PCollection[dict[str, object]]) -> None:
    """Prints the type of each field, each row, and each rejection."""
    checked = records | "Normalize" >> NormalizeRecords("items")
    schema = checked.batches | "InferSchema" >> InferSchema()
    rows = checked.batches | "RowsAsDicts" >> RowsAsDicts(schema=schema)
    _ = schema | "ShowTypes" >> beam.FlatMap(types) | "PrintTypes" >> beam.Map(print)
    _ = rows | "ShowRows" >> beam.Map(row) | "PrintRows" >> beam.Map(print)
    _ = checked[REJECTED] | "ShowRejections" >> beam.Map(rejection) | "PrintRejections" >> beam.Map(print)


def types(schema: ResolvedJson) -> Iterator[str]:
    """A line for each field of the items: its key, and its type."""
    items = schema["groups"]["items"]
    return (f"field {key}: {field['type']}" for key, field in items["fields"].items())


def row(item: dict[str, object]) -> str:
    """A line for a row: its id, its location, and its metadata."""
    return f"row {item['reference_id']}: {item['location']} {item['metadata']}"


def rejection(rejected: Rejection) -> str:
    """A line for a rejected record: its id, the code, and what is wrong."""
    return f"rejected {rejected.reference_id}: {rejected.code}: {rejected.message}"


def main(flags: Sequence[str]) -> None:
    """Runs it here, in one process; the flags are for Beam."""
    # Named, because Beam's default runner would first look for an engine to download.
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags)) as root:
        build(root | "Records" >> beam.Create(RECORDS))


if __name__ == "__main__":
    main(sys.argv[1:])
