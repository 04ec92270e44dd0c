"""The whole job equals the oracle: every count, rejection, field, row and cache key, over many chunks and partitions.

Covers RULES G1-G6, F1-F3, V1-V9, T1-T5, C1-C6, A1, A2, I1-I4, U1, U4, U5, K1, K2, K5, R1-R3.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import mixed_exports, oracle
from support.runs import GROUPS, Ended, an_item, flags, ingest, ndjson

from pipelines import ingest as ingest_job
from transforms import exports
from transforms.rules.image_urls import cache_key, canonical
from transforms.rules.rejections import Code

RANGE_BYTES = 24_000
AVRO_NUMBERS = ("width", "height", "frame_rate", "confidence")
JSON_COLUMNS = ("camera_params", "geometry", "class_pdf", "extra")


@pytest.fixture
def tiny_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte ranges so small that the files of these tests have several chunks each."""
    build: Callable[..., None] = ingest_job.build
    monkeypatch.setattr(ingest_job, "build", lambda root, job: build(root, replace(job, range_bytes=RANGE_BYTES)))
    monkeypatch.setattr(exports, "RANGE_BYTES", RANGE_BYTES)  # what is compressed comes in chunks of it


@pytest.mark.usefixtures("tiny_ranges")
@pytest.mark.parametrize("on_duplicate", ["reject", "last"])
def test_two_jobs_equal_the_oracle(tmp_path: Path, on_duplicate: str) -> None:
    first_job = mixed_exports.job(tmp_path / "first", seed=1, numbers=range(420))
    first = ingest(tmp_path / "d", *flags(first_job), "--on-duplicate", on_duplicate)
    expected = oracle.run(first_job, on_duplicate=on_duplicate)
    assert first.outcome == "published", first.document["message"]
    read = sum(group["read"] for group in expected.counts.values())
    assert read > 1000
    assert sum(path.stat().st_size > 2 * RANGE_BYTES for _, _, path in first_job) > 3, "several chunks of several files"
    assert all(len(first.parts(group)) > 1 for group in (*GROUPS, "cache_keys")), "several partitions"
    assert {code for group in expected.counts.values() for code in group["rejected"]} >= EXPECTED_CODES
    check(first, expected, before=None)

    # On top of it: records that the dataset holds, new ones, a field that is text for good, images known already.
    second_job = mixed_exports.job(tmp_path / "second", seed=2, numbers=range(300, 560))
    second = ingest(tmp_path / "d", *flags(second_job), "--on-duplicate", on_duplicate)
    on_top = oracle.run(second_job, existing=expected.dataset, on_duplicate=on_duplicate)
    assert all(second.document["groups"][group]["ignored"] for group in GROUPS)
    assert second.schema["items"]["fields"]["note"]["type"] == "text"
    check(second, on_top, before=expected)


# What one record, or one record and the others, can be rejected for in a job that publishes.
EXPECTED_CODES = {code.value for code in Code} - {
    Code.TYPE_CONFLICT,
    Code.NOT_A_CHOICE,
    Code.TOO_MANY_FIELDS,
    Code.UNREADABLE_EXPORT,
}


@pytest.mark.usefixtures("tiny_ranges")
def test_conflicts_over_chunks_and_versions_equal_the_oracle(tmp_path: Path) -> None:
    values = [1, 2.5, None, True, "fast", [1], {"a": 1}]
    fields = {f"f{a}{b}": (values[a], values[b]) for a in range(7) for b in range(7)}
    padding = "x" * 200
    records = [
        an_item(f"i{n}", {key: pair[n == 150] for key, pair in fields.items()} | {"padding": padding})
        for n in range(300)
    ]
    job = [("items", "", ndjson(tmp_path / "conflicts.ndjson", records))]
    run, expected = ingest(tmp_path / "d", *flags(job)), oracle.run(job)
    assert run.exit_code == 3
    assert [{key: each[key] for key in ("group", "field", "kinds")} for each in run.document["conflicts"]] == (
        expected.conflicts
    )
    for conflict in run.document["conflicts"]:
        (example,) = conflict["examples"]
        value = fields[conflict["field"]][1]
        assert (example["line"], example["reference_id"]) == (151, "i150")
        shown = json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
        assert text(example["value"]) == text(shown)
    assert run.schema.keys() == expected.schema.keys()
    check_fields(run.schema["items"]["fields"], expected.schema["items"]["fields"], 300)


def check(run: Ended, expected: oracle.Run, before: oracle.Run | None) -> None:
    """Compares everything that a run left with what the oracle says."""
    assert (run.exit_code, run.outcome) == (0, expected.outcome)
    assert rejected(run.rejections) == rejected(expected.rejections)
    assert run.document["groups"] == expected.counts
    assert run.document["warnings"] == expected.warnings
    assert run.document["conflicts"] == expected.conflicts == []
    for group in GROUPS:
        described = run.schema[group]
        assert described["records"] == expected.schema[group]["records"]
        check_fields(described["fields"], expected.schema[group]["fields"], described["records"])
        found = {place(row): row for row in run.rows(group)}
        rows = {place(row): row for row in expected.rows[group]}
        assert found.keys() == rows.keys()
        for at, row in rows.items():
            assert text(avro_row(row, found[at], described["fields"])) == text(found[at]), at
    check_cache_keys(run, expected, before)


def rejected(rejections: Iterable[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    keys = ("code", "group", "line", "offset")
    return Counter(
        (Path(each["export"]).name, *(each[key] for key in keys), known_reference(each)) for each in rejections
    )


def known_reference(rejection: dict[str, Any]) -> str | None:
    """A literal such as 1e400 is no number to the product's parser, and so nothing of its record is known."""
    return None if rejection["reference_id"] == "huge" else rejection["reference_id"]


def check_fields(found: dict[str, Any], expected: dict[str, Any], records: int) -> None:
    assert list(found) == sorted(expected)
    columns = [field["column"] for field in found.values() if field["column"] is not None]
    assert len(columns) == len(set(columns))
    for key, field in found.items():
        about = expected[key]
        for name in ("type", "storage", "present", "null", "missing", "observed", "categories", "inexact"):
            assert field[name] == about[name], (key, name)
        assert field["present"] + field["null"] + field["missing"] == records
        if about["type"] != "reserved":
            assert field["kind"] == about["kind"], key
        for name in ("minimum", "maximum"):
            assert text(field[name]) == text(about[name]), (key, name)
        for name, moment in (("mean", about["mean"]), ("stddev", sample_deviation(about))):
            assert field[name] == (moment if moment is None else pytest.approx(moment, rel=1e-12)), (key, name)
        if about["type"] == "categorical":
            assert field["distinct"] == about["distinct"], key
        if about["type"] == "text":
            assert field["distinct"]["value"] == pytest.approx(about["distinct"]["value"], rel=0.03), key


def sample_deviation(field: dict[str, Any]) -> float | None:
    """The oracle gives the deviation of all values, the schema that of a sample."""
    n = field["present"]
    return None if field["stddev"] is None or n < 2 else field["stddev"] * math.sqrt(n / (n - 1))


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a row unique, whatever the product takes for its identity: where it comes from."""
    part = (row.get("frame_index"), row.get("sensor"), row.get("type"), row.get("segment_index"))
    return Path(row["source"]["export"]).name, row["source"]["offset"], *part


def avro_row(row: dict[str, Any], found: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """A row of the oracle as Avro holds it."""
    url = next((row[name] for name in ("image_url", "pointcloud_url", "video_url", "mask_url") if row.get(name)), None)
    made = dict(row) | {"cache_key": None if url is None else cache_key(canonical(url))}
    for name in AVRO_NUMBERS:
        if made.get(name) is not None:
            made[name] = float(made[name])
    if row["context_attachments"] is not None:
        made["context_attachments"] = [attachment(each) for each in row["context_attachments"]]
    made["metadata"] = {
        field["column"]: row["metadata"].get(key) for key, field in fields.items() if field["column"] is not None
    }
    if "annotation_id" in row and row["annotation_id"] is not None and len(row["annotation_id"]) == 64:
        made["annotation_id"] = found["annotation_id"]  # derived from the content, each in its own way
        assert found["annotation_id"].startswith("content-")
    made["source"] = row["source"] | {"export": found["source"]["export"]}
    parsed = {field["column"] for field in fields.values() if field["storage"] == "json"}
    for holder, names in ((found, JSON_COLUMNS), (found["metadata"], parsed)):
        for name in names:
            if holder.get(name) is not None:
                assert isinstance(holder[name], str), name
                holder[name] = json.loads(holder[name])
    for each in found["context_attachments"] or []:
        each["metadata"] = None if each["metadata"] is None else json.loads(each["metadata"])
    assert found.keys() == made.keys()
    return {name: made[name] for name in found}


def attachment(given: dict[str, Any]) -> dict[str, Any]:
    def numbers(value: dict[str, Any] | None, keys: str) -> dict[str, float] | None:
        return None if value is None else {key: float(value[key]) for key in keys.split()}

    return {
        "attachment": given["attachment"],
        "cache_key": cache_key(canonical(given["attachment"])),
        "frame": given["frame"],
        "dims": numbers(given["dims"], "width height"),
        "camera_position": numbers(given["camera_position"], "x y z"),
        "metadata": given["metadata"],
    }


def text(value: Any) -> str:
    """So that 1, 1.0 and True are three values."""
    return json.dumps(value, sort_keys=True)


def check_cache_keys(run: Ended, expected: oracle.Run, before: oracle.Run | None) -> None:
    uses: dict[str, list[tuple[str, str, str]]] = {}
    for url, kind, reference_id in expected.cache_urls:
        uses.setdefault(canonical(url), []).append((url, kind, reference_id))
    known = {canonical(url) for url, _, _ in before.cache_urls} if before else set()
    found = run.rows("cache_keys")
    assert {row["url"]: row for row in found}.keys() == uses.keys()
    assert len(found) == len(uses)
    for row in found:
        url, used = row["url"], uses[row["url"]]
        assert row["cache_key"] == cache_key(url)
        assert (row["kind"], row["reference_id"]) in [(kind, reference_id) for _, kind, reference_id in used]
        assert row["reference_id"] == min(reference_id for _, _, reference_id in used)
        assert (row["first_version"], row["action"]) == (
            (1, "cached") if url in known else (2 if before else 1, "upload")
        )
    assert run.document["cache_keys"] == {"upload": len(uses.keys() - known), "cached": len(uses.keys() & known)}
