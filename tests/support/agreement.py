"""Whether a run of the command and the oracle say the same: counts, rejections, fields, rows, cache keys."""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import in_process, oracle
from support.runs import GROUPS, Ended, Job, flags

from transforms.rules.image_urls import cache_key, canonical

AVRO_NUMBERS = ("width", "height", "frame_rate", "confidence")
JSON_COLUMNS = ("camera_params", "geometry", "class_pdf", "extra")
Uses = Sequence[tuple[str, str, str]]
"""(URL as given, kind, reference id) of all that a version would fetch."""


@dataclass(slots=True)
class Twins:
    """A dataset, and the oracle's picture of it: every job is done on both and compared.

    Attributes:
        dataset: where it is.
        picture: what the oracle holds.
        versions: what each published version would fetch.
        by: how a job is run: without Beam, or by `support.runs.ingest`.
    """

    dataset: Path
    picture: oracle.Published = dataclasses.field(default_factory=oracle.Published)
    versions: list[Uses] = dataclasses.field(default_factory=list)
    by: Callable[..., Ended] = in_process.ingest

    def ingest(
        self,
        job: Job,
        *,
        mode: str = "append",
        on_conflict: str = "fail",
        on_duplicate: str = "reject",
        declared: dict[str, Any] | None = None,
        partitions: int | None = None,
    ) -> tuple[Ended, oracle.Run]:
        """Does one job on both, and fails if they differ."""
        job = list(job)
        options = ["--mode", mode, "--on-conflict", on_conflict, "--on-duplicate", on_duplicate]
        if partitions is not None:
            options += ["--partitions", str(partitions)]
        if declared is not None:
            file = self.dataset.with_name(f"{self.dataset.name}-declared.json")
            file.write_text(json.dumps(declared), "utf-8")
            options += ["--declare", str(file)]
        run = self.by(self.dataset, *flags(job), *options)
        expected = oracle.run(
            job,
            existing=self.picture,
            mode=mode,
            on_conflict=on_conflict,
            on_duplicate=on_duplicate,
            declared=declared,
        )
        self.picture = expected.dataset
        if expected.published:
            self.versions.append(expected.cache_urls)
        check(run, expected, self.versions)
        return run, expected


def check(run: Ended, expected: oracle.Run, versions: Sequence[Uses]) -> None:
    """Compares everything that a run left with what the oracle says.

    Args:
        run: the run.
        expected: the same of the oracle.
        versions: what each published version would fetch, with that of this run if it published one.
    """
    assert run.outcome == expected.outcome, run.document["message"]
    assert run.exit_code == (3 if run.outcome == "failed" else 0)
    assert rejected(run.rejections) == rejected(expected.rejections)
    assert run.document["groups"] == expected.counts
    # The oracle knows the warnings about records, not those about exports.
    of_records = {code: count for code, count in run.document["warnings"].items() if code != "empty_export"}
    assert of_records == expected.warnings
    assert [{key: each[key] for key in ("group", "field", "kinds")} for each in run.document["conflicts"]] == (
        expected.conflicts
    )
    if not expected.published:
        return
    for group in GROUPS:
        described = run.schema[group]
        assert described["records"] == expected.schema[group]["records"]
        check_fields(described["fields"], expected.schema[group]["fields"], described["records"])
        found = {place(row): row for row in run.rows(group)}
        rows = {place(row): row for row in expected.rows[group]}
        assert found.keys() == rows.keys()
        for at, row in rows.items():
            assert text(avro_row(row, found[at], described["fields"])) == text(found[at]), at
    check_cache_keys(run, versions)


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
        for name in ("type", "present", "null", "missing", "observed", "inexact"):
            assert field[name] == about[name], (key, name)
        if about["present"] or about["declared"] is None:  # how a field without values would be stored is no matter
            assert (field["storage"], field["categories"]) == (about["storage"], about["categories"]), key
        assert field["present"] + field["null"] + field["missing"] == records
        check_declaration(field.get("declared"), about["declared"])
        if about["type"] != "reserved":
            assert field["kind"] == about["kind"], key
        for name in ("minimum", "maximum"):
            assert text(field[name]) == text(about[name]), (key, name)
        for name, moment in (("mean", about["mean"]), ("stddev", sample_deviation(about))):
            assert field[name] == (moment if moment is None else pytest.approx(moment, rel=1e-12)), (key, name)
        if about["type"] == "categorical" and about["present"]:
            assert field["distinct"] == about["distinct"], key
        if about["type"] == "text" and about["present"]:
            assert field["distinct"]["value"] == pytest.approx(about["distinct"]["value"], rel=0.03), key


def check_declaration(found: dict[str, Any] | None, expected: Any) -> None:
    if expected is None:
        assert found is None
        return
    assert found is not None
    choices = None if expected.choices is None else list(expected.choices)
    assert (found.get("choices"), found.get("description")) == (choices, expected.description)


def sample_deviation(field: dict[str, Any]) -> float | None:
    """The oracle gives the deviation of all values, the schema that of a sample."""
    n = field["present"]
    return None if field["stddev"] is None or n < 2 else field["stddev"] * math.sqrt(n / (n - 1))


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a row unique, whatever the product takes for its identity: where it comes from."""
    part = (row["reference_id"], row.get("type"), row.get("segment_index"))
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
    found["metadata"] = found["metadata"] or {}  # a group without fields has no members to write
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


def check_cache_keys(run: Ended, versions: Sequence[Uses]) -> None:
    expected = oracle.cache_keys(versions, canonical)
    found = run.rows("cache_keys")
    assert sorted(row["url"] for row in found) == sorted(expected)
    for row in found:
        url = row["url"]
        assert row["cache_key"] == cache_key(url)
        assert row["kind"] in expected[url].kinds
        about = (expected[url].reference_id, expected[url].first_version)
        assert (row["reference_id"], row["first_version"]) == about
    new = oracle.uploads(versions, canonical)
    uploads = run.rows("uploads")
    assert uploads == [
        {name: row[name] for name in ("cache_key", "url", "kind", "reference_id")} for row in found if row["url"] in new
    ], "the same facts in the same order: by key"
    assert [row["cache_key"] for row in uploads] == sorted(cache_key(url) for url in new)
    assert run.document["cache_keys"] == {"upload": len(new), "cached": len(expected) - len(new)}
