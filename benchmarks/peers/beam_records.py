"""A plain per-record Beam pipeline: what the documentation of Beam leads to, an element for each record.

    python benchmarks/peers/beam_records.py --items ITEMS.ndjson... [--annotations MARKS.ndjson...] --out DIR

ReadFromText, `json.loads`, a DoFn that checks, a CombinePerKey of the summaries of the fields, and WriteToAvro with the
columns given. The summaries go to the rows as a side input, since a field in conflict must not be written: that second
pass over the records is where most of the memory goes. No histograms (they would be a third pass), no duplicates, no
references, no cache keys, no versions. Runs on FnApiRunner, in process.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import apache_beam as beam
from apache_beam.io.avroio import WriteToAvro
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from findings import GROUPS, MAX_CATEGORIES, Finding, group, options, tell
from plain_loop import CODEC, CORE, METADATA, row_schema

Summary = tuple[int, dict[str, int], dict[str, int] | None, float | None, float | None, float, float]
"""(present, count of each kind, categories, minimum, maximum, mean, sum of squared distances from it)."""


class ParseFn(beam.DoFn):
    """A line to a record; what is none goes to `rejected`."""

    def process(
        self, line: str
    ) -> Iterator[dict[str, object] | beam.pvalue.TaggedOutput[Literal["rejected"], dict[str, str]]]:
        """Yields the record."""
        try:
            record = json.loads(line)
        except ValueError as error:
            yield beam.pvalue.TaggedOutput("rejected", {"line": line, "message": str(error)})
            return
        if isinstance(record, dict) and isinstance(record.get("reference_id"), str):
            yield record
        else:
            yield beam.pvalue.TaggedOutput("rejected", {"line": line, "message": "no reference_id"})


class FieldsFn(beam.DoFn):
    """A record to its metadata fields."""

    def process(self, record: dict[str, object]) -> Iterator[tuple[str, object]]:
        """Yields (name, value)."""
        yield from (record.get("metadata") or {}).items()


class SummarizeFn(beam.CombineFn):
    """The summary of the values of a field."""

    def create_accumulator(self) -> Summary:
        """Returns the summary of nothing."""
        return 0, {}, {}, None, None, 0.0, 0.0

    def add_input(self, accumulator: Summary, value: object) -> Summary:
        """Returns the summary with one value more."""
        present, kinds, categories, minimum, maximum, mean, squares = accumulator
        if value is None:
            return accumulator
        kind = "number"
        if isinstance(value, (bool, str)):
            kind = "string"
            text = value if isinstance(value, str) else str(value).lower()
            if categories is not None:
                categories[text] = categories.get(text, 0) + 1
                categories = categories if len(categories) <= MAX_CATEGORIES else None
        elif isinstance(value, (list, dict)):
            kind = "other"
        else:
            count = kinds.get("number", 0) + 1
            minimum = value if minimum is None else min(minimum, value)
            maximum = value if maximum is None else max(maximum, value)
            step = value - mean
            mean += step / count
            squares += step * (value - mean)
        kinds[kind] = kinds.get(kind, 0) + 1
        return present + 1, kinds, categories, minimum, maximum, mean, squares

    def merge_accumulators(self, accumulators: list[Summary]) -> Summary:
        """Returns the summary of all."""
        merged = self.create_accumulator()
        for accumulator in accumulators:
            merged = merge(merged, accumulator)
        return merged

    def extract_output(self, accumulator: Summary) -> Summary:
        """Returns the summary."""
        return accumulator


def merge(left: Summary, right: Summary) -> Summary:
    """Returns the summary of the values of both."""
    kinds = {kind: left[1].get(kind, 0) + right[1].get(kind, 0) for kind in {**left[1], **right[1]}}
    categories = None
    if left[2] is not None and right[2] is not None:
        categories = {text: left[2].get(text, 0) + right[2].get(text, 0) for text in {**left[2], **right[2]}}
        categories = categories if len(categories) <= MAX_CATEGORIES else None
    minima = [each[3] for each in (left, right) if each[3] is not None]
    maxima = [each[4] for each in (left, right) if each[4] is not None]
    first, second = left[1].get("number", 0), right[1].get("number", 0)
    count = first + second or 1
    apart = right[5] - left[5]
    return (
        left[0] + right[0],
        kinds,
        categories,
        min(minima, default=None),
        max(maxima, default=None),
        (left[5] * first + right[5] * second) / count,
        left[6] + right[6] + apart * apart * first * second / count,
    )


class ToRowFn(beam.DoFn):
    """A record to its Avro row, without the fields in conflict."""

    def __init__(self, name: str) -> None:
        """Takes the group."""
        self._core = CORE[name]
        self._json = [field for field, kind in METADATA[name].items() if kind == "json"]

    def process(self, record: dict[str, object], summaries: Mapping[str, Summary]) -> Iterator[dict[str, object]]:
        """Yields the row."""
        metadata = {
            name: value for name, value in (record.get("metadata") or {}).items() if len(summaries[name][1]) <= 1
        }
        for field in self._json:
            if metadata.get(field) is not None:
                metadata[field] = json.dumps(metadata[field])
        row = {column: record.get(column) for column in self._core}
        if row.get("geometry") is not None:
            row["geometry"] = json.dumps(row["geometry"])
        yield {**row, "metadata": metadata}


def finding(summary: Summary) -> Finding:
    """Returns what a summary says."""
    present, kinds, categories, minimum, maximum, mean, squares = summary
    count = kinds.get("number", 0)
    return Finding(
        present=present,
        minimum=minimum,
        maximum=maximum,
        mean=mean if count else None,
        stddev=(squares / (count - 1)) ** 0.5 if count > 1 else None,
        categories=categories if kinds.get("string") else None,
    )


def main() -> None:
    """Runs the pipeline."""
    logging.getLogger().setLevel(logging.ERROR)
    given = options(__doc__)
    names = [name for name in GROUPS if getattr(given, name)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        for name in names:
            lines = [
                pipeline | f"{name}: Read{index}" >> beam.io.ReadFromText(str(path))
                for index, path in enumerate(getattr(given, name))
            ] | f"{name}: Flatten" >> beam.Flatten()
            parsed = lines | f"{name}: Parse" >> beam.ParDo(ParseFn()).with_outputs("rejected", main="records")
            summaries = (
                parsed.records
                | f"{name}: Fields" >> beam.ParDo(FieldsFn())
                | f"{name}: Summarize" >> beam.CombinePerKey(SummarizeFn())
            )
            rows = parsed.records | f"{name}: ToRow" >> beam.ParDo(ToRowFn(name), beam.pvalue.AsDict(summaries))
            rows | f"{name}: Write" >> WriteToAvro(
                str(given.out / name), schema=row_schema(name), codec=CODEC, file_name_suffix=".avro"
            )
            rejected = parsed.rejected | f"{name}: EncodeRejected" >> beam.Map(json.dumps)
            rejected | f"{name}: WriteRejected" >> beam.io.WriteToText(str(given.out / f"{name}-rejected"))
            told = {
                "summaries": summaries | f"{name}: EncodeSummary" >> beam.Map(json.dumps),
                "records": parsed.records
                | f"{name}: Count" >> beam.combiners.Count.Globally()
                | f"{name}: EncodeCount" >> beam.Map(json.dumps),
            }
            for kind, collection in told.items():
                collection | f"{name}: Write {kind}" >> beam.io.WriteToText(str(given.out / f"{name}-{kind}"))
    groups = {}
    for name in names:
        found = {field: finding(summary) for field, summary in documents(given.out, f"{name}-summaries")}
        groups[name] = group(next(documents(given.out, f"{name}-records")), found)
    tell(groups)


def documents(out: Path, name: str) -> Iterator[object]:
    """Yields the JSON documents that a step has written."""
    for path in sorted(out.glob(f"{name}-*")):
        yield from map(json.loads, path.read_text("utf-8").splitlines())


if __name__ == "__main__":
    main()
