"""Infers the schema of exports within a Beam pipeline of one's own, without publishing anything.

    python examples/infer_schema.py items=exports/items.ndjson 'annotations=exports/marks/*.ndjson'

Three transforms do it: ReadExports gives raw chunks, Normalize makes checked rows of them, InferSchema sums these up.
Each record counts as it came in: duplicates and unknown references are found by MergeRecords, which is left out here.
"""

import argparse
import glob
import sys
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from transforms.api import (
    GROUPS,
    READINGS,
    Export,
    InferSchema,
    Normalize,
    ReadExports,
    Reading,
    ResolvedJson,
    local_exports,
)


def find(patterns: Sequence[str]) -> list[Export]:
    """The exports that arguments like `items=exports/*.ndjson` or `predictions=RUN=GLOB` name, in this order.

    Raises:
        ValueError: One has no such form, or matches no file.
    """
    files = []
    for given in patterns:
        name, _, pattern = given.partition("=")
        group = next((each for each in GROUPS if each == name), None)
        if group is None:
            raise ValueError(f"expected GROUP=GLOB with a group of {', '.join(GROUPS)}, got {given!r}")
        model_run = None
        if group == "predictions":
            model_run, _, pattern = pattern.partition("=")
        found = sorted(glob.glob(pattern))  # noqa: PTH207 - patterns may be absolute
        if not found:
            raise ValueError(f"expected a file, got none for {given!r}")
        files += [(group, path, model_run) for path in found]
    return local_exports(files)


def build(root: beam.Pipeline, exports: Sequence[Export]) -> None:
    """Reads, checks and sums up; prints each field, and each group that has rejections."""
    rows = root | "ReadExports" >> ReadExports(exports) | "Normalize" >> Normalize(partitions=1)
    _ = (
        rows.batches
        | "DropPartitions" >> beam.Values()
        | "InferSchema" >> InferSchema()
        | "PrintFields" >> beam.Map(print_fields)
    )
    _ = (
        rows[READINGS]
        | "CountRejected" >> beam.FlatMap(rejected).with_output_types(tuple[str, int])
        | "SumRejected" >> beam.CombinePerKey(sum)
        | "PrintRejected" >> beam.MapTuple(lambda group, count: print(f"{group}: {count} rejected"))
    )


def rejected(reading: Reading) -> list[tuple[str, int]]:
    """(group, number) of what a chunk had to reject."""
    return [(group, count) for (group, _), count in reading.rejected.items()]


def print_fields(schema: ResolvedJson) -> None:
    """Prints a line for each field: its place, its type, and how many records have a value, a null, or nothing."""
    for group in GROUPS:
        for key, field in schema["groups"][group]["fields"].items():
            counts = f"{field['present']} present, {field['null']} null, {field['missing']} missing"
            print(f"{group}.{key}: {field['type']} ({counts})")


def main(arguments: Sequence[str]) -> None:
    """Runs it here, in one process; what is not GROUP=GLOB is for Beam."""
    parser = argparse.ArgumentParser(description="Infer the schema of exports and print it.")
    parser.add_argument("exports", nargs="+", metavar="GROUP=GLOB")
    given, flags = parser.parse_known_args(arguments)
    try:
        exports = find(given.exports)
    except ValueError as error:
        parser.error(f"{error}")
    # Named, because Beam's default runner would first look for an engine to download.
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags)) as root:
        build(root, exports)


if __name__ == "__main__":
    main(sys.argv[1:])
