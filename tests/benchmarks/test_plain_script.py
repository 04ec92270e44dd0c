"""The script that the pipeline is compared with does the work it claims to (RULES V2, V7, T1, T3, C1, I3, K1, R1)."""

import json
import math
import runpy
import statistics
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fastavro
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
exports = SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "exports.py")))

COUNT = 2_000


def run(export: Path, out: Path) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, str(BENCHMARKS / "peers" / "plain_script.py"), str(export), "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.stderr == b""
    return ended.returncode, json.loads(ended.stdout)


def counts(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report["groups"]["items"][name] for name in ("read", "created", "rejected")}


def avro(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as source:
        return list(fastavro.reader(source))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    out = tmp_path_factory.mktemp("plain")
    (export,) = exports.write(exports.item_lines(COUNT), COUNT, out=out, name="items")
    code, report = run(export, out / "dataset")
    return SimpleNamespace(
        code=code,
        report=report,
        out=out / "dataset",
        items=[json.loads(line) for line in export.read_bytes().splitlines()],
    )


def test_all_items_of_a_good_export_are_published(published: SimpleNamespace) -> None:
    assert published.code == 0
    assert published.report["outcome"] == "published"
    assert counts(published.report) == {"read": COUNT, "created": COUNT, "rejected": {}}
    assert published.report["conflicts"] == []
    assert published.report["cache_keys"] == {"upload": COUNT}
    assert (published.out / "rejections.ndjson").read_bytes() == b""


def test_the_rows_have_what_the_records_have(published: SimpleNamespace) -> None:
    rows = avro(published.out / "items.avro")
    assert len(rows) == COUNT
    for row, item in zip(rows, published.items, strict=True):
        metadata = item["metadata"]
        assert row["reference_id"] == item["reference_id"]
        assert row["cache_key"] == sha256(item["image_url"].encode()).hexdigest()
        assert row["location"] == {"latitude": metadata["lat"], "longitude": metadata["lon"]}
        assert row["metadata"] == {
            **metadata,
            "night": "true" if metadata["night"] else "false",
            "ego": json.dumps(metadata["ego"], separators=(",", ":")),
            "temperature": metadata.get("temperature"),
        }


def test_the_summaries_agree_with_the_values(published: SimpleNamespace) -> None:
    fields = json.loads((published.out / "schema.json").read_bytes())["fields"]
    assert {name: field["type"] for name, field in fields.items()} == {
        "weather": "categorical",
        "city": "categorical",
        "camera": "categorical",
        "serial": "text",
        "night": "categorical",
        "gear": "numerical",
        "speed": "numerical",
        "temperature": "numerical",
        "ego": "other",
        "date": "text",
        "lat": "numerical",
        "lon": "numerical",
    }
    found = (item["metadata"].get("temperature") for item in published.items)
    values = [value for value in found if value is not None]
    field = fields["temperature"]
    assert field["present"] + field["null"] + field["missing"] == COUNT
    assert field["minimum"] == min(values)
    assert field["maximum"] == max(values)
    assert math.isclose(field["mean"], statistics.fmean(values), rel_tol=1e-12)
    assert math.isclose(field["stddev"], statistics.stdev(values), rel_tol=1e-12)
    weather = [item["metadata"]["weather"] for item in published.items]
    assert {each["value"]: each["count"] for each in fields["weather"]["categories"]} == {
        value: weather.count(value) for value in set(weather)
    }
    histogram = json.loads((published.out / "insights.json").read_bytes())["speed"]
    assert sum(histogram["counts"]) == COUNT


def test_the_cache_keys_list_each_url_once(published: SimpleNamespace) -> None:
    keys = avro(published.out / "cache_keys.avro")
    assert {key["cache_key"] for key in keys} == {
        sha256(item["image_url"].encode()).hexdigest() for item in published.items
    }
    assert len(keys) == COUNT


def test_a_bad_record_takes_no_neighbour_with_it(tmp_path: Path) -> None:
    good = list(exports.item_lines(4))
    lines = [good[0], b"{broken\n", good[1], good[0], good[2], b"\r\n", b'{"reference_id": ""}\n', good[3]]
    (tmp_path / "items.ndjson").write_bytes(b"".join(lines))
    code, report = run(tmp_path / "items.ndjson", tmp_path / "out")
    assert code == 0
    rejected = {"malformed_json": 1, "duplicate_id": 1, "invalid_reference_id": 1}
    assert counts(report) == {"read": 7, "created": 4, "rejected": rejected}
    rejections = [json.loads(line) for line in (tmp_path / "out" / "rejections.ndjson").read_bytes().splitlines()]
    assert [each["line"] for each in rejections] == [2, 4, 7]
    assert [each["raw"].encode() for each in rejections] == [lines[1], lines[3], lines[6]]
    assert rejections[1]["offset"] == sum(map(len, lines[:3]))


def test_a_type_conflict_publishes_nothing(tmp_path: Path) -> None:
    url = "https://images.example.org"
    first = {"reference_id": "a", "image_url": f"{url}/a.jpg", "metadata": {"speed": 3}}
    second = {"reference_id": "b", "image_url": f"{url}/b.jpg", "metadata": {"speed": True}}
    (tmp_path / "items.ndjson").write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    code, report = run(tmp_path / "items.ndjson", tmp_path / "out")
    assert code == 3
    assert report["conflicts"] == [{"field": "speed", "kinds": {"number": 1, "string": 1}}]
    assert not (tmp_path / "out" / "items.avro").exists()
