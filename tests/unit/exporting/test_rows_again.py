"""Rows that `export` wrote as NDJSON are an export like any other: an ingest of them makes the same rows (RULES G)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import mixed_exports
from support.in_process import export, ingest
from support.profiles import draws
from support.runs import GROUPS, Ended, an_item, flags, ndjson

from transforms.rules.published_rows import PublishedRow


def again(run: Ended, folder: Path) -> Ended:
    """Exports the rows of a dataset, and ingests them into another one, all model runs at once."""
    assert export(run.dataset, folder / "out", "--format=ndjson")[0] == 0
    arguments = [word for group in GROUPS[:3] for word in (f"--{group}", f"{folder / 'out' / group}/part-*")]
    arguments += ["--predictions", f"of no row={folder / 'out/predictions'}/part-*", "--allow-empty"]
    return ingest(folder / "again", *arguments, "--partitions=3")


def rows(run: Ended, group: str) -> list[dict[str, Any]]:
    """The rows of a group but for where they were read, with the values that their metadata have."""
    found = []
    for row in run.rows(group):
        del row["source"]
        values = {name: value for name, value in (row["metadata"] or {}).items() if value is not None}
        found.append({**row, "metadata": values})
    return sorted(found, key=repr)


def fields(run: Ended, group: str) -> dict[str, Any]:
    """The fields that have values. Rows do not tell `null` from nothing, and have values as they are stored."""
    found = {}
    for key, field in run.schema[group]["fields"].items():
        if field["present"]:
            kept = {name: field[name] for name in field if name not in ("null", "observed", "inexact")}
            numbers = {name: None if field[name] is None else f"{field[name]:.12g}" for name in ("mean", "stddev")}
            found[key] = {**kept, **numbers, "missing": field["null"] + field["missing"]}
    return found


def same(run: Ended, other: Ended) -> None:
    for group in GROUPS:
        assert rows(other, group) == rows(run, group)
        assert fields(other, group) == fields(run, group)
    names = ("cache_key", "url", "kind", "reference_id")
    keys = [[tuple(row[name] for name in names) for row in each.rows("cache_keys")] for each in (run, other)]
    assert keys[0] == keys[1]


def test_rows_of_every_sort_come_back(asked: Ended, tmp_path: Path) -> None:
    other = again(asked, tmp_path)
    assert not other.rejections
    assert not other.document["warnings"]
    same(asked, other)


@draws(10)
@given(seed=st.integers(0, 10**6))
def test_rows_of_any_dataset_come_back(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    job = mixed_exports.job(folder / "exports", seed=seed, numbers=range(8))
    run = ingest(folder / "dataset", *flags(job))
    if run.outcome == "published":
        same(run, again(run, folder))


@pytest.mark.parametrize(
    "record",
    [
        {"source": {"export": "a", "offset": 0}},
        {"source": {"export": "a", "offset": 0}, "extra": None, "cache_key": None, "unknown": 1},
        {"source": "lidar", "extra": None, "cache_key": None},
        {"source": {"export": "a", "offset": 0}, "extra": "text", "cache_key": None},
        {"source": {"export": "a", "offset": 0}, "extra": None, "cache_key": None, "frame_index": 3},
    ],
)
def test_a_record_that_is_no_row_keeps_its_keys(record: dict[str, Any], tmp_path: Path) -> None:
    assert PublishedRow.of(an_item("a", {"n": 1}, **record), "items") is None
    run = ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', [an_item('a', {'n': 1}, **record)])}")
    kept = {name: value for name, value in record.items() if value is not None}
    assert json.loads(run.rows("items")[0]["extra"]) == kept


def test_a_row_that_was_changed_is_checked_as_any_record(asked: Ended, tmp_path: Path) -> None:
    assert export(asked.dataset, tmp_path / "out", "--format=ndjson", "--group=items")[0] == 0
    path = next((tmp_path / "out/items").glob("part-*"))
    row = json.loads(path.read_text().splitlines()[0])
    wrong = [{**row, "width": "wide"}, {**row, "reference_id": ""}, {**row, "metadata": {"lat": 91, "lon": 0}}]
    run = ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', wrong)}")
    codes = ["invalid_field", "invalid_reference_id", "coordinate_out_of_range"]
    assert [each["code"] for each in run.rejections] == codes
