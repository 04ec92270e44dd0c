"""The script that the pipeline is compared with: item exports to a checked dataset, by hand, in one process.

    python benchmarks/peers/plain_script.py EXPORT.ndjson... --out DIR

It is what one writes on an afternoon: a loop over the lines, a dict per record, a set for what was seen, fastavro for
the output (the checks of one record stand in `plain_checks.py`). Nothing in it is slow on purpose. For items it does
what the pipeline does with them in the first version of a dataset: checks, type conflicts, summaries, histograms, typed
Avro, cache keys, rejections. It leaves out the other groups, updates, versions, signed URLs, bucket spellings, what
stands inside context attachments, and everything beyond one process and its memory.

Prints one JSON object with those keys of `metadata-etl ingest --json` that it knows; exits with 3 for a type conflict.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

import fastavro
import orjson
from plain_checks import Item, Json, RejectedError, check_new, item, parse, read

MAX_CATEGORIES = 250
HISTOGRAM_BINS = 50
RESERVED = ("context_attachments", "camera_params")
INT64 = range(-(2**63), 2**63)
CODEC = "snappy"


@dataclass(slots=True)
class Field:
    """What was seen of one metadata field."""

    kinds: Counter[str] = field(default_factory=Counter)
    null: int = 0
    integers_only: bool = True
    minimum: float | None = None
    maximum: float | None = None
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    categories: Counter[str] = field(default_factory=Counter)
    distinct: set[str | float] = field(default_factory=set)
    histogram: list[int] = field(default_factory=list)

    def add(self, value: Json) -> None:
        """Takes one value in; booleans are strings by now."""
        match value:
            case None:
                self.null += 1
            case str():
                self.kinds["string"] += 1
                self.distinct.add(value)
                if len(self.distinct) <= MAX_CATEGORIES:
                    self.categories[value] += 1
            case int() | float():
                self.kinds["number"] += 1
                self.distinct.add(value)
                if not isinstance(value, int) or value not in INT64:
                    self.integers_only = False
                self.minimum = value if self.minimum is None or value < self.minimum else self.minimum
                self.maximum = value if self.maximum is None or value > self.maximum else self.maximum
                self.count += 1
                step = value - self.mean
                self.mean += step / self.count
                self.squares += step * (value - self.mean)
            case _:
                self.kinds["other"] += 1

    def storage(self) -> str:
        """Returns the Avro type of the values."""
        if self.kinds["number"]:
            return "long" if self.integers_only else "double"
        return "string"

    def summary(self, records: int) -> dict[str, Json]:
        """Returns the field's entry of `schema.json`."""
        present = sum(self.kinds.values())
        text = len(self.distinct) > MAX_CATEGORIES
        kind = max(self.kinds, key=lambda name: self.kinds[name], default="string")
        names = {"number": "numerical", "string": "text" if text else "categorical", "other": "other"}
        categories = sorted(self.categories.items(), key=lambda pair: (-pair[1], pair[0]))
        return {
            "type": names[kind],
            "present": present,
            "null": self.null,
            "missing": records - present - self.null,
            "distinct": len(self.distinct),
            "categories": None if text else [{"value": value, "count": count} for value, count in categories],
            "minimum": self.minimum,
            "maximum": self.maximum,
            "mean": self.mean if self.count else None,
            "stddev": sqrt(self.squares / (self.count - 1)) if self.count > 1 else None,
        }


def columns(fields: Mapping[str, Field]) -> dict[str, str]:
    """Returns a name that Avro allows for every field, all different."""
    taken: dict[str, str] = {}
    for name in sorted(fields):
        column = re.sub(r"\W|^(?=\d|$)", "_", name, flags=re.ASCII)
        while column in taken.values():
            column += "_"
        taken[name] = column
    return taken


def row_schema(fields: Mapping[str, Field], names: Mapping[str, str]) -> dict[str, object]:
    """Returns the Avro schema of the rows: every value may be null, of the records inside only the location."""
    location = _record("Location", {"latitude": "double", "longitude": "double"})
    metadata = {column: _nullable(fields[name].storage()) for name, column in names.items()}
    return _record(
        "Item",
        {
            "reference_id": "string",
            "image_url": "string",
            "cache_key": "string",
            "width": _nullable("double"),
            "height": _nullable("double"),
            "location": _nullable(location),
            "context_attachments": _nullable("string"),
            "camera_params": _nullable("string"),
            "metadata": _record("Metadata", metadata),
            "extra": _nullable("string"),
            "source": _record("Source", {"export": "string", "offset": "long"}),
        },
    )


def _record(name: str, types: Mapping[str, object]) -> dict[str, object]:
    return {"type": "record", "name": name, "fields": [{"name": key, "type": value} for key, value in types.items()]}


def _nullable(avro_type: object) -> list[object]:
    return ["null", avro_type]


def rows(items: Sequence[Item], fields: Mapping[str, Field], names: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Yields the items as Avro rows."""
    storages = {name: fields[name].storage() for name in names}
    for entry in items:
        metadata: dict[str, object] = {}  # what is missing here is written as null
        for name, value in entry.metadata.items():
            if name in RESERVED:
                continue
            if isinstance(value, (list, dict)):
                metadata[names[name]] = encoded(value)
            elif storages[name] == "double" and isinstance(value, int):
                metadata[names[name]] = float(value)
            else:
                metadata[names[name]] = value
        yield {
            "reference_id": entry.reference_id,
            "image_url": entry.url,
            "cache_key": entry.cache_key,
            "width": entry.width,
            "height": entry.height,
            "location": entry.location,
            "context_attachments": encoded(entry.metadata.get("context_attachments")),
            "camera_params": encoded(entry.metadata.get("camera_params")),
            "metadata": metadata,
            "extra": encoded(entry.extra or None),
            "source": {"export": entry.export, "offset": entry.offset},
        }


def encoded(value: Json) -> str | None:
    """Returns a list or object as JSON text with sorted keys."""
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def add_histograms(items: Sequence[Item], fields: Mapping[str, Field]) -> None:
    """Counts the numbers of each field in `HISTOGRAM_BINS` bins of one width between its minimum and its maximum."""
    for summary in fields.values():
        if summary.kinds["number"]:
            summary.histogram = [0] * HISTOGRAM_BINS
    for entry in items:
        for name, value in entry.metadata.items():
            if not isinstance(value, (int, float)):
                continue
            summary = fields[name]
            if summary.minimum is None or summary.maximum is None:
                continue
            width = (summary.maximum - summary.minimum) / HISTOGRAM_BINS
            position = int((value - summary.minimum) / width) if width else 0
            summary.histogram[min(position, HISTOGRAM_BINS - 1)] += 1


def load(exports: Sequence[Path]) -> tuple[list[Item], list[dict[str, Json]]]:
    """Returns the accepted items and the rejections of the exports; the first of two records with one id is kept."""
    items: list[Item] = []
    rejections: list[dict[str, Json]] = []
    seen: set[str] = set()
    for path in exports:
        for number, offset, line in read(path):
            try:
                entry = item(parse(line), export=path.name, offset=offset)
                check_new(entry.reference_id, seen)
            except RejectedError as error:
                rejections.append(
                    {
                        "code": error.code,
                        "message": str(error),
                        "export": path.name,
                        "line": number,
                        "offset": offset,
                        "raw": line.decode(errors="replace"),
                    }
                )
                continue
            seen.add(entry.reference_id)
            items.append(entry)
    return items, rejections


def summarize(items: Sequence[Item]) -> dict[str, Field]:
    """Returns what the items hold, field by field, with the histograms of the numerical ones."""
    fields: dict[str, Field] = {}
    for entry in items:
        for name, value in entry.metadata.items():
            if name not in RESERVED:
                if name not in fields:
                    fields[name] = Field()
                fields[name].add(value)
    add_histograms(items, fields)
    return fields


def write(out: Path, items: Sequence[Item], fields: Mapping[str, Field]) -> int:
    """Writes the rows, the cache keys, `schema.json` and `insights.json`; returns the number of distinct keys."""
    names = columns(fields)
    with (out / "items.avro").open("wb") as sink:
        fastavro.writer(sink, fastavro.parse_schema(row_schema(fields, names)), rows(items, fields, names), codec=CODEC)
    keys: dict[str, dict[str, str | int]] = {}
    for entry in items:
        known = keys.get(entry.cache_key)
        if known is None or entry.reference_id < str(known["reference_id"]):
            keys[entry.cache_key] = {
                "cache_key": entry.cache_key,
                "url": entry.url,
                "kind": "image",
                "reference_id": entry.reference_id,
                "first_version": 1,
            }
    columns_of_key: dict[str, Json] = dict.fromkeys(("cache_key", "url", "kind", "reference_id"), "string")
    key_schema = _record("CacheKey", {**columns_of_key, "first_version": "long"})
    with (out / "cache_keys.avro").open("wb") as sink:
        fastavro.writer(sink, fastavro.parse_schema(key_schema), keys.values(), codec=CODEC)
    schema = {"records": len(items), "fields": {name: entry.summary(len(items)) for name, entry in fields.items()}}
    (out / "schema.json").write_bytes(orjson.dumps(schema, option=orjson.OPT_INDENT_2))
    insights = {
        name: {"minimum": entry.minimum, "maximum": entry.maximum, "counts": entry.histogram}
        for name, entry in fields.items()
        if entry.histogram
    }
    (out / "insights.json").write_bytes(orjson.dumps(insights))
    return len(keys)


def main() -> int:
    """Runs the script and returns its exit code."""
    parser = argparse.ArgumentParser(description="Check, summarize and convert item exports, by hand.")
    parser.add_argument("exports", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="directory, made if absent")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    items, rejections = load(options.exports)
    (options.out / "rejections.ndjson").write_bytes(b"".join(orjson.dumps(entry) + b"\n" for entry in rejections))
    fields = summarize(items)
    conflicts = [{"field": name, "kinds": dict(entry.kinds)} for name, entry in fields.items() if len(entry.kinds) > 1]
    keys = 0 if conflicts else write(options.out, items, fields)
    counts = {
        "read": len(items) + len(rejections),
        "created": 0 if conflicts else len(items),
        "rejected": dict(Counter(str(entry["code"]) for entry in rejections)),
        "fields": {name: entry.summary(len(items)) for name, entry in fields.items()},
    }
    report = {
        "outcome": "failed" if conflicts else "published",
        "exit_code": 3 if conflicts else 0,
        "groups": {"items": counts},
        "conflicts": conflicts,
        "cache_keys": {"upload": keys},
    }
    print(orjson.dumps(report).decode())
    return 3 if conflicts else 0


if __name__ == "__main__":
    sys.exit(main())
