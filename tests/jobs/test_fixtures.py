"""The shared fixtures, each through the whole command, have the outcomes that are expected of them.

Covers RULES F1, F2, G2-G6, V2-V7, T1-T4, T6, C1-C5, A1, A2, I1-I4, K1, K2, R1, R4, U4, U5, P4.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.fixtures import SHARED, named_as_expected, needs_shared
from support.in_process import ingest
from support.runs import GROUPS, Ended, flags

SEVERAL_FILES = {
    "nucleus_client": [
        ("items", "", "items.ndjson"),
        ("scenes", "", "scenes_video.ndjson"),
        ("scenes", "", "scenes_lidar.ndjson"),
        ("annotations", "", "annotations.ndjson"),
        ("predictions", "m", "predictions.ndjson"),
    ],
    "coco": [
        ("items", "", "items.ndjson"),
        ("annotations", "", "annotations.ndjson"),
        ("predictions", "m", "predictions.ndjson"),
    ],
    "stac": [("items", "", "items.ndjson")],
    "blns": [("items", "", "items_60.ndjson")],
}
MOST_LISTED_REJECTIONS = 40  # the expectations cut longer lists there
MAX_CATEGORIES = 250


def expectations() -> dict[str, Any]:
    if not SHARED.is_dir():
        return {}
    expected: dict[str, Any] = json.loads((SHARED / "expected_by_oracle.json").read_text("utf-8"))
    return {entry: about for entry, about in expected.items() if "(quarantine)" not in entry}


EXPECTED = expectations()


def exports(entry: str) -> list[tuple[str, str, Path]]:
    if entry in SEVERAL_FILES:
        return [(group, run, SHARED / entry / name) for group, run, name in SEVERAL_FILES[entry]]
    path = SHARED / entry
    return [("items", "", path if path.suffix else path.with_suffix(".ndjson"))]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One run for all the tests of an entry."""

    @cache
    def run(entry: str) -> Ended:
        return ingest(tmp_path_factory.mktemp("dataset") / "d", *flags(exports(entry)))

    return run


each_entry = pytest.mark.parametrize("entry", EXPECTED)


@needs_shared
@each_entry
def test_outcome_and_counts(ended: Any, entry: str) -> None:
    expected, run = EXPECTED[entry], ended(entry)
    assert (run.exit_code, run.outcome) == (expected["exit"], expected["outcome"])
    assert run.document["exit_code"] == expected["exit"]
    groups = run.document["groups"]
    assert list(groups) == list(GROUPS)
    assert {group: groups[group] for group in expected["groups"]} == {
        group: about["counts"] for group, about in expected["groups"].items()
    }
    assert [groups[group]["read"] for group in groups.keys() - expected["groups"].keys()] == [0] * (
        4 - len(expected["groups"])
    )


@needs_shared
@each_entry
def test_rejections(ended: Any, entry: str) -> None:
    expected, run = EXPECTED[entry].get("rejections", []), ended(entry)
    keys = ("code", "group", "line", "reference_id")
    named = named_as_expected(expected, [{**each, "export": Path(each["export"]).name} for each in run.rejections])
    listed = Counter((*(each[key] for key in keys), each["export"]) for each in expected)
    found = Counter((*(each[key] for key in keys), each["export"]) for each in named)
    assert listed <= found
    if len(expected) < MOST_LISTED_REJECTIONS:
        assert found == listed
    assert found.total() == sum(sum(of["rejected"].values()) for of in run.document["groups"].values())
    raw = {line for _, _, path in exports(entry) for line in path.read_bytes().splitlines()}
    assert all(each["raw"].encode() in raw for each in run.rejections if each["encoding"] == "utf-8")


@needs_shared
@each_entry
def test_conflicts(ended: Any, entry: str) -> None:
    expected, run = EXPECTED[entry]["conflicts"], ended(entry)
    found = run.document["conflicts"]
    assert [{key: each[key] for key in ("group", "field", "kinds")} for each in found] == expected
    for conflict in found:
        rarest = min(conflict["kinds"], key=conflict["kinds"].get)
        assert {example["kind"] for example in conflict["examples"]} == {rarest}
        others = [example["kind"] for example in conflict["other_examples"]]
        assert sorted(others) == sorted(conflict["kinds"].keys() - {rarest})


@needs_shared
@each_entry
def test_cache_keys_and_locations(ended: Any, entry: str) -> None:
    expected, run = EXPECTED[entry], ended(entry)
    keys = run.rows("cache_keys")
    assert len(keys) == len({row["cache_key"] for row in keys}) == expected["cache_keys"]
    assert run.document["cache_keys"] == {"upload": expected["cache_keys"], "cached": 0}
    published = run.outcome == "published"
    for group in GROUPS:
        about = expected["groups"].get(group, {"records": 0, "located": 0})
        rows = run.rows(group)
        assert len(rows) == (about["records"] if published else 0)
        assert sum(row["location"] is not None for row in rows) == (about["located"] if published else 0)


@needs_shared
@each_entry
def test_fields(ended: Any, entry: str) -> None:
    expected, run = EXPECTED[entry], ended(entry)
    for group, about in expected["groups"].items():
        described = run.schema[group]
        assert described["records"] == about["records"]
        assert described["fields"].keys() == about["fields"].keys()
        for key, field in about["fields"].items():
            check_field(described["fields"][key], field, f"{group}.{key}")


def check_field(found: dict[str, Any], expected: dict[str, Any], where: str) -> None:
    assert found["type"] in expected.get("accept", [expected["type"]]), where
    assert [found[name] for name in ("present", "null", "missing")] == [
        expected[name] for name in ("present", "null", "missing")
    ], where
    assert {name: count for name, count in found["observed"].items() if count} == expected["observed"], where
    if "distinct" in expected:
        # Above 250 values they are estimated, which is exact for as few as there are here.
        exact = expected["distinct"] <= MAX_CATEGORIES
        assert found["distinct"] == {"value": expected["distinct"], "exact": exact}, where
    if "categories" in expected:
        categories = [(each["value"], each["count"]) for each in found["categories"]]
        listed = list(expected["categories"].items())
        if expected.get("categories_cut"):
            assert len(categories) == expected["distinct"] > len(listed), where
            categories = categories[: len(listed)]
        assert categories == listed, where
    if "mean" in expected:
        assert found["mean"] == pytest.approx(expected["mean"], rel=1e-12), where
        assert (found["minimum"], found["maximum"]) == (expected["minimum"], expected["maximum"]), where
        assert found["storage"] in expected["storage"], where
        assert found["inexact"] == expected["inexact"], where


@needs_shared
def test_every_location_is_the_one_that_the_coordinates_file_states() -> None:
    stated = json.loads((SHARED / "coords/expected.json").read_text())
    for name, outcomes in stated.items():
        with TemporaryDirectory() as folder:
            run = ingest(Path(folder, "d"), "--items", str(SHARED / f"coords/{name}.ndjson"))
            found: dict[str, Any] = {each["reference_id"]: {"rejected": each["code"]} for each in run.rejections}
            for row in run.rows("items"):
                found[row["reference_id"]] = row["location"] and list(row["location"].values())
        assert found == outcomes
