"""The plain loop: orjson, a dict per record, fastavro, in one pass and one process, by one who knows the fields.

    python benchmarks/peers/plain_loop.py --items ITEMS.ndjson... [--annotations MARKS.ndjson...] --out DIR

Does what `duckdb_typed.py` does, and writes Avro as the job does. `plain_script.py` is the longer one, with the checks.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from math import fsum, sqrt
from pathlib import Path

import fastavro
import orjson
from findings import GROUPS, HISTOGRAM_BINS, MAX_CATEGORIES, Finding, group, options, tell

CODEC = "snappy"
CORE = {
    "items": ("reference_id", "image_url"),
    "annotations": (
        "reference_id",
        "annotation_id",
        "label",
        "type",
        "taxonomy_name",
        "geometry",
        "track_reference_id",
        "task_id",
    ),
}
METADATA = {
    "items": {
        "weather": "string",
        "city": "string",
        "camera": "string",
        "serial": "string",
        "night": "boolean",
        "gear": "long",
        "speed": "double",
        "temperature": "double",
        "ego": "json",
        "date": "string",
        "lat": "double",
        "lon": "double",
    },
    "annotations": {"occluded": "boolean", "truncation": "double", "colour": "string", "points": "long"},
}


class Seen:
    """What was seen of the fields of a group, record by record."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Begins with nothing seen."""
        self.records = 0
        self.present = dict.fromkeys(fields, 0)
        self.numbers = {name: array("d") for name, kind in fields.items() if kind in ("long", "double")}
        self.texts: dict[str, dict[str, int] | None] = {
            name: {} for name, kind in fields.items() if kind in ("string", "boolean")
        }

    def add(self, metadata: Mapping[str, object]) -> None:
        """Takes in the metadata of a record."""
        self.records += 1
        for name, value in metadata.items():
            if value is None:
                continue
            self.present[name] += 1
            if name in self.numbers:
                self.numbers[name].append(value)
            elif (counts := self.texts.get(name)) is not None:
                text = value if isinstance(value, str) else str(value).lower()
                counts[text] = counts.get(text, 0) + 1
                if len(counts) > MAX_CATEGORIES:
                    self.texts[name] = None

    def findings(self) -> dict[str, Finding]:
        """Returns what was found."""
        return {
            name: numerical(self.numbers[name])
            if name in self.numbers
            else Finding(present, categories=self.texts.get(name))
            for name, present in self.present.items()
        }


def numerical(values: Sequence[float]) -> Finding:
    """Returns what is found of the numbers of a field."""
    if not values:
        return Finding(0)
    minimum, maximum, mean = min(values), max(values), fsum(values) / len(values)
    squares = fsum((value - mean) ** 2 for value in values)
    width = (maximum - minimum) / HISTOGRAM_BINS or 1.0
    bins = [0] * HISTOGRAM_BINS
    for value in values:
        bins[min(int((value - minimum) / width), HISTOGRAM_BINS - 1)] += 1
    return Finding(
        present=len(values),
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        stddev=sqrt(squares / (len(values) - 1)) if len(values) > 1 else None,
        histogram=bins,
    )


def rows(name: str, exports: Sequence[Path], seen: Seen) -> Iterator[dict[str, object]]:
    """Yields the records as Avro rows, and sees them."""
    core = CORE[name]
    documents = [field for field, kind in METADATA[name].items() if kind == "json"]
    for path in exports:
        with path.open("rb") as source:
            for line in source:
                record = orjson.loads(line)
                metadata = record.get("metadata") or {}
                seen.add(metadata)
                for field in documents:
                    if metadata.get(field) is not None:
                        metadata[field] = orjson.dumps(metadata[field]).decode()
                row = {column: record.get(column) for column in core}
                if row.get("geometry") is not None:
                    row["geometry"] = orjson.dumps(row["geometry"]).decode()
                row["metadata"] = metadata
                yield row


def row_schema(name: str) -> dict[str, object]:
    """Returns the Avro schema of the rows of a group."""
    types = {field: "string" if kind == "json" else kind for field, kind in METADATA[name].items()}
    metadata = {"type": "record", "name": "Metadata", "fields": nullable(types)}
    fields = [*nullable(dict.fromkeys(CORE[name], "string")), {"name": "metadata", "type": metadata}]
    return {"type": "record", "name": "Row", "fields": fields}


def nullable(types: Mapping[str, str]) -> list[dict[str, object]]:
    """Returns the Avro fields for some columns that may be null."""
    return [{"name": name, "type": ["null", kind], "default": None} for name, kind in types.items()]


def main() -> None:
    """Runs the script."""
    given = options(__doc__)
    groups = {}
    for name in GROUPS:
        exports = getattr(given, name)
        if exports:
            seen = Seen(METADATA[name])
            with (given.out / f"{name}.avro").open("wb") as sink:
                schema = fastavro.parse_schema(row_schema(name))
                fastavro.writer(sink, schema, rows(name, exports, seen), codec=CODEC)
            groups[name] = group(seen.records, seen.findings())
    tell(groups)


if __name__ == "__main__":
    main()
