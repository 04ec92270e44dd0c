"""Splits of any dataset: stable while it grows, whole scenes, and with the shares that are printed (EXCHANGE, Out)."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.in_process import export, ingest
from support.profiles import draws
from support.runs import an_item, ndjson

SPLITS = ("train", "val", "test")
FLAG = "--split=train=0.5,val=0.3,test=0.2"
names = st.sampled_from(["a", "b", "é", " ", "scene:a", "item:a", "field:a", "0"])
metadata = st.fixed_dictionaries(
    {},
    optional={
        "weather": st.sampled_from(["rain", "scene:a", "a", "", None]),
        "n": st.integers(0, 3) | st.sampled_from([2**53 + 1, 2**63 - 1, None]),
        "x": st.sampled_from([0, 2, 2.0, -0.0, 0.5, 1e300, 2**53 + 1, 2**70, None]),
    },
)
late = st.sampled_from([{}, {"n": 1.5}, {"n": 2.0, "x": 0.5}])
"""Of a record of the last night: with it integers are stored as doubles."""
night = st.fixed_dictionaries(
    {
        "items": st.dictionaries(names, metadata, max_size=6),
        "scenes": st.dictionaries(names.map("scene {}".format), st.lists(metadata, max_size=3), max_size=3),
    }
)


def published(folder: Path, number: int, given_night: dict[str, Any], mode: str, sound: dict[str, Any]) -> None:
    """Ingests a night; what is there already is ignored, updated or merged."""
    items = [an_item(name, values) for name, values in given_night["items"].items()]
    scenes = [
        {"reference_id": name, "frames": [an_item(f"{name} {n}", values) for n, values in enumerate(frames)]}
        for name, frames in given_night["scenes"].items()
    ]
    items.append(an_item(f"sound {number}", {"weather": "sun", "n": 1, "x": 2, **sound}))
    words = ["--items", f"{ndjson(folder / f'i{number}', items)}"]
    words += ["--scenes", f"{ndjson(folder / f's{number}', scenes)}"] if scenes else []
    found = ingest(folder / "d", *words, f"--mode={mode}", "--max-rejected=100%", "--partitions=3")
    assert found.exit_code == 0, found.json


def divided(folder: Path, out: Path, by: str) -> dict[str, dict[str, Any]]:
    """Reference id to split, scene and value of the field of each item, after what is printed was compared."""
    code, printed = export(folder / "d", out, FLAG, f"--split-by={by}")
    assert code == 0, printed
    found: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        paths = sorted((out / split / "items").glob("part-*"))
        rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
        counted = (printed["splits"] or {}).get(split, {"items": 0})
        assert len(rows) == counted["items"]
        for row in rows:
            assert row["reference_id"] not in found, "an item is in one split"
            found[row["reference_id"]] = {
                "split": split,
                "scene": row["scene_reference_id"],
                **{key: (row.get("metadata") or {}).get(key) for key in ("weather", "n", "x")},
            }
    assert len(found) == printed["records"]["items"]
    return found


@pytest.mark.parametrize("by", ["scene", "item", "weather", "n", "x"])
@draws(6)
@given(
    nights=st.lists(st.tuples(night, st.sampled_from(["append", "replace", "merge"])), min_size=2, max_size=3),
    sound=late,
)
def test_a_record_keeps_its_split_and_a_scene_is_in_one(
    by: str, nights: list[Any], sound: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    before: dict[str, dict[str, Any]] = {}
    for number, (each, mode) in enumerate(nights):
        is_last = number == len(nights) - 1
        published(folder, number, each, mode if number else "append", sound if is_last else {})
        after = divided(folder, folder / f"out{number}", by)
        for name, row in before.items():
            if by == "item" or as_stored(after[name][by]) == as_stored(row[by]):
                assert after[name]["split"] == row["split"]
        together: dict[str, set[str]] = {}
        for row in after.values():
            key = None if by == "item" else row[by]
            if key is not None:
                together.setdefault(key, set()).add(row["split"])
        assert all(len(splits) == 1 for splits in together.values())
        before = after


def as_stored(value: Any) -> Any:
    """The value as a double has it, which the next record may make of all integers of a field."""
    return float(value) if isinstance(value, int) else value
