"""What a job leaves alone is carried on, and the version is still what would have been built at once (U5, K2, K5)."""

import json
import shutil
from pathlib import Path

import fastavro
import pytest
from support.in_process import ingest
from support.profiles import cases
from support.runs import Ended, an_item, ndjson

GROUPS = ("items", "annotations")


@pytest.fixture(scope="module")
def first_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of a first job, and the dataset that it published."""
    folder = tmp_path_factory.mktemp("first")
    items = [
        an_item(f"i{n}", {"speed": n, "sky": "sun" if n % 3 else "rain", "lat": n / 10, "lon": -n}) for n in range(60)
    ]
    annotations = [
        {"reference_id": f"i{n}", "type": "category", "label": "x", "metadata": {"sure": n % 2 == 0}} for n in range(60)
    ]
    run = ingest(
        folder / "d",
        *("--items", str(ndjson(folder / "items.ndjson", items))),
        *("--annotations", str(ndjson(folder / "marks.ndjson", annotations))),
        *("--partitions", "8"),
    )
    assert run.document["version"] == 1
    return folder


@pytest.fixture
def first(first_job: Path, tmp_path: Path) -> Ended:
    """The first version of a dataset of one's own."""
    shutil.copytree(first_job, tmp_path, dirs_exist_ok=True)
    return Ended(0, {"outcome": "published", "version": 1}, tmp_path / "d")


def inodes(run: Ended, pattern: str) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in run.folder.glob(pattern)}


def partition_with(run: Ended, group: str, reference_id: str) -> str:
    for part in run.parts(group):
        with part.open("rb") as stream:
            if any(row["reference_id"] == reference_id for row in fastavro.reader(stream)):
                return part.name.partition(".")[0]
    raise AssertionError(reference_id)


def update(folder: Path, *records: dict[str, object], mode: str = "replace") -> Ended:
    return ingest(folder / "d", "--items", str(ndjson(folder / "update.ndjson", records)), "--mode", mode)


def test_only_what_changed_is_written(first: Ended, tmp_path: Path) -> None:
    second = update(tmp_path, an_item("i7", {"speed": 8, "sky": "rain", "lat": 0.75, "lon": -7}))
    touched = partition_with(second, "items", "i7")
    for pattern in ("items/*", "state/items/*", "state/summaries/*", "state/insights/*"):
        before, after = inodes(first, pattern), inodes(second, pattern)
        assert before.keys() == after.keys()
        assert {name for name in before if before[name] != after[name]} == {
            name for name in before if name.startswith(touched)
        }, pattern
    for pattern in ("annotations/*", "state/annotations/*"):
        assert inodes(first, pattern) == inodes(second, pattern)
    for pattern in ("cache_keys/*", "state/cache_keys/*"):
        assert inodes(first, pattern) == inodes(second, pattern), "no key changed"
    assert sum(len(run.rows("uploads")) for run in (first, second)) == 60, "which the first version listed"
    moved = update(tmp_path, an_item("i7", {"speed": 9}) | {"image_url": "https://example.org/other.jpg"})
    assert moved.document["cache_keys"] == {"upload": 1, "cached": 59}
    before, after = inodes(second, "cache_keys/*"), inodes(moved, "cache_keys/*")
    assert 1 <= len(after.items() - before.items()) <= 2, "where the old key was, and where the new one is"
    (upload,) = moved.rows("uploads")
    keys = {row["cache_key"]: row for row in moved.rows("cache_keys")}
    assert keys[upload["cache_key"]] == upload | {"first_version": 3}
    kept = [row for row in second.rows("cache_keys") if row["reference_id"] != "i7"]
    assert [row for row in keys.values() if row["reference_id"] != "i7"] == kept, "facts that do not change (K2)"


@pytest.mark.usefixtures("first")
def test_a_row_that_says_the_same_touches_nothing(tmp_path: Path) -> None:
    same = an_item("i7", {"speed": 7, "sky": "sun", "lat": 0.7, "lon": -7})
    run = update(tmp_path, same)
    assert (run.outcome, run.document["groups"]["items"]["unchanged"]) == ("unchanged", 1)
    both = update(tmp_path, same, an_item("i8", {"speed": 80, "sky": "sun", "lat": 0.8, "lon": -8}))
    assert both.document["groups"]["items"] | {"rejected": 0} == {
        "read": 2,
        "created": 0,
        "updated": 1,
        "ignored": 0,
        "unchanged": 1,
        "rejected": 0,
    }


def test_a_new_field_has_all_parts_of_its_group_written_again_and_no_others(first: Ended, tmp_path: Path) -> None:
    second = update(tmp_path, an_item("i7", {"speed": 7, "sky": "sun", "lat": 0.7, "lon": -7, "new": True}))
    assert not inodes(first, "items/*").items() & inodes(second, "items/*").items()
    assert inodes(first, "annotations/*") == inodes(second, "annotations/*")
    schemas = set()
    for part in second.parts("items"):
        with part.open("rb") as stream:
            schemas.add(json.dumps(fastavro.reader(stream).writer_schema, sort_keys=True))
    assert len(schemas) == 1
    # Their states did not change, and so they were not read to be merged.
    same = inodes(first, "state/items/*").items() & inodes(second, "state/items/*").items()
    assert len(same) == len(inodes(first, "state/items/*")) - 1


@pytest.mark.usefixtures("first")
def test_histograms_whose_bins_move_are_those_of_the_whole_version(first_job: Path, tmp_path: Path) -> None:
    records = [an_item("i7", {"speed": 700, "sky": "sun", "lat": -45, "lon": 170.5}), an_item("i8", {"speed": 2})]
    second = update(tmp_path, *records)
    again = ingest(
        tmp_path / "whole",
        *("--items", str(first_job / "items.ndjson"), "--items", str(tmp_path / "update.ndjson")),
        *("--annotations", str(first_job / "marks.ndjson"), "--on-duplicate", "last", "--partitions", "8"),
    )
    for name in ("schema.json", "insights.json"):
        found, expected = (json.loads((run.folder / name).read_text())["groups"] for run in (second, again))
        assert found == expected
    for group in GROUPS:
        assert [part.read_bytes() for part in second.parts(group)] == [part.read_bytes() for part in again.parts(group)]


@pytest.mark.parametrize("damage", cases(["every block", "texts", "its end", "all"], ["texts", "its end"]))
def test_parts_that_are_damaged_are_rebuilt_where_an_update_looks_into_them(tmp_path: Path, damage: str) -> None:
    items = [an_item(f"i{n}", {"speed": n, "sky": f"sun {n}"}) for n in range(60)]
    first = ingest(tmp_path / "d", "--items", str(ndjson(tmp_path / "items.ndjson", items)), "--partitions", "1")
    shutil.copytree(tmp_path / "d", tmp_path / "sound")
    for part in first.parts("items"):
        data = bytearray(part.read_bytes())
        match damage:
            case "every block":
                for place in range(len(data) // 2, len(data), 23):
                    data[place] ^= 0x55
            case "texts":  # of which snappy cannot know
                data = data.replace(b"://", b":/.")
            case "its end":
                del data[-5:]
            case "all":
                data = bytearray(b"nothing")
        assert data != part.read_bytes()
        part.write_bytes(data)
    change = str(ndjson(tmp_path / "update.ndjson", [an_item("i7", {"speed": 8, "sky": "sun 7"})]))
    found = [ingest(tmp_path / name, "--items", change, "--mode", "replace") for name in ("d", "sound")]
    assert [run.document["groups"]["items"]["updated"] for run in found] == [1, 1]
    damaged, sound = ([part.read_bytes() for part in run.parts("items")] for run in found)
    assert damaged == sound


@pytest.mark.parametrize("is_of_another_size", [True, False])
def test_a_damaged_list_of_cache_keys_is_rebuilt_where_it_is_found_damaged(
    first: Ended, tmp_path: Path, *, is_of_another_size: bool
) -> None:
    """P7: a wrong size always is, other bytes with --verify."""
    sound = {part.name: part.read_bytes() for part in first.parts("cache_keys")}
    part = first.parts("cache_keys")[0]
    part.write_bytes(part.read_bytes()[:-1] + (b"" if is_of_another_size else b"x"))
    change = str(ndjson(tmp_path / "update.ndjson", [an_item("i7", {"speed": 8})]))
    flags = ("--items", change, "--mode", "replace", *(() if is_of_another_size else ("--verify",)))
    second = ingest(tmp_path / "d", *flags)
    assert second.document["warnings"]["repaired_file"] == 1
    assert second.document["cache_keys"] == {"upload": 0, "cached": 60}
    assert {part.name: part.read_bytes() for part in second.parts("cache_keys")} == sound
    assert second.parts("uploads") == []
