"""What a replaced or merged record does beyond itself: to segments, frames, duplicates, fields, images.

Covers RULES U2-U5, G2, G3, I3, I4, K2, K5, P4, T2, T4.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from support.profiles import every_combination
from support.published import cache_keys, counts, metadata, rows, sources
from support.raw_records import RUNS, Records, apply, category, mark, mask, merge, multicategory, replace
from support.runs import an_item


@pytest.mark.parametrize("group", RUNS)
def test_segments_of_a_replaced_mask_become_those_of_the_new_record(tmp_path: Path, group: str) -> None:
    apply(tmp_path, "held", {"items": [an_item("i")], group: [mask("i", {1: {"n": 1}, 2: {"n": 2}, 3: {"n": 3}})]})
    run = replace(tmp_path, "given", {group: [mask("i", {1: {"n": 1}, 2: {"n": 20}, 4: {"n": 4}})]})
    name = group.partition(" ")[0]
    # The mask says what it said, but lost segment 3; that is no record that was read.
    assert counts(run, name) == {"read": 4, "created": 1, "updated": 2, "unchanged": 1}
    assert {key[2]: of for key, of in metadata(run, name).items()} == {None: {}, 1: {"n": 1}, 2: {"n": 20}, 4: {"n": 4}}
    assert {key[2]: path.split("-")[0] for key, path in sources(run, name).items()} == {
        None: "given",
        1: "held",
        2: "given",
        4: "given",
    }
    assert run.schema[name]["fields"]["n"]["maximum"] == 20
    gained = replace(tmp_path, "gained", {group: [mask("i", {1: {"n": 1}, 2: {"n": 20}, 4: {"n": 4}, 5: {"n": 5}})]})
    assert counts(gained, name) == {"read": 5, "created": 1, "unchanged": 4}
    bare = replace(tmp_path, "bare", {group: [mask("i", {})]})
    assert counts(bare, name) == {"read": 1, "updated": 1}
    assert bare.schema[name] == {"records": 1, "fields": {}}
    same = replace(tmp_path, "same", {group: [mask("i", {})]})
    assert (same.outcome, counts(same, name)) == ("unchanged", {"read": 1, "unchanged": 1})


@pytest.mark.parametrize("on_duplicate", ["reject", "last"])
def test_segments_of_a_duplicate_mask_keep_no_published_ones(tmp_path: Path, on_duplicate: str) -> None:
    apply(tmp_path, "held", {"items": [an_item("i")], "annotations": [mask("i", {0: {"n": 0}, 1: {"n": 1}})]})
    masks = [mask("i", {index: {"n": index}}) for index in ((1, 0) if on_duplicate == "reject" else (0, 1))]
    run = replace(tmp_path, "given", {"annotations": masks}, "--on-duplicate", on_duplicate)
    assert counts(run, "annotations") == {"read": 4, "updated": 1, "unchanged": 1, "rejected": {"duplicate_id": 2}}
    assert set(rows(run, "annotations")) == {("i", "mask", None), ("i", "segment", 1)}


def test_a_replaced_scene_keeps_items_that_are_no_frames_of_it_now(tmp_path: Path) -> None:
    def scene(*frames: dict[str, object], **keys: object) -> dict[str, object]:
        return {"reference_id": "s", "frame_rate": 5, "frames": list(frames), **keys}

    existing = scene(
        an_item("f0", {"n": 0}), an_item("f1", {"n": 1}), an_item("f2", {"n": 2}), metadata={"city": "Bonn"}
    )
    apply(tmp_path, "held", {"scenes": [existing]})
    run = replace(tmp_path, "given", {"scenes": [scene(an_item("f1", {"n": 1}), an_item("f0", {"n": 0}))]})
    assert counts(run, "scenes") == {"read": 1, "updated": 1}
    assert counts(run, "items") == {"read": 2, "updated": 2}  # they changed places
    places = {name: (row["scene_reference_id"], row["frame_index"]) for name, row in rows(run, "items").items()}
    assert places == {"f0": ("s", 1), "f1": ("s", 0), "f2": ("s", 2)}
    (row,) = run.rows("scenes")
    assert (row["frame_count"], run.schema["scenes"]) == (2, {"records": 1, "fields": {}})
    alone = replace(tmp_path, "alone", {"items": [an_item("f2", {"n": 2}), an_item("f3")]})
    assert counts(alone, "items") == {"read": 2, "updated": 1, "created": 1}
    assert rows(alone, "items")["f2"]["scene_reference_id"] is None


@pytest.mark.parametrize("shape", ["video", "lidar"])
def test_frames_of_a_merged_scene_have_fates_of_their_own(tmp_path: Path, shape: str) -> None:
    def framed(*records: dict[str, Any]) -> list[Any]:
        return list(records) if shape == "video" else [{f"sensor {n}": each} for n, each in enumerate(records)]

    whole = {"reference_id": "s", "metadata": {"city": "Bonn", "n": 1}}
    frames = framed(an_item("f0", {"n": 0}), an_item("f1", {"n": 1}))
    apply(tmp_path, "held", {"scenes": [whole | {"frames": frames}]})
    updates = framed(
        {"reference_id": "f0", "metadata": {"n": None, "s": "x"}, "camera_params": {"fx": 1}},
        {"reference_id": "f1"},
        {"reference_id": "f9", "metadata": {"n": 1}},
    )
    records = [
        {"reference_id": "s", "metadata": {"n": 2}, "frames": updates},
        {"reference_id": "t", "metadata": {"n": 2}, "frames": framed({"reference_id": "f1", "metadata": {"n": 8}})},
    ]
    run = merge(tmp_path, "updates", {"scenes": records})
    assert counts(run, "scenes") == {"read": 2, "updated": 1, "rejected": {"unknown_reference": 1}}
    assert counts(run, "items") == {
        "read": 4,
        "updated": 1,
        "unchanged": 1,
        "rejected": {"unknown_reference": 1, "duplicate_id": 1},
    }
    assert metadata(run, "scenes") == {"s": {"city": "Bonn", "n": 2}}
    found = rows(run, "items")
    assert found["f0"]["metadata"] == {"s": "x", "camera_params": {"fx": 1}}
    assert json.loads(found["f0"]["camera_params"]) == {"fx": 1}
    assert found["f1"]["metadata"] == {"n": 1}
    assert [found[name]["scene_reference_id"] for name in ("f0", "f1")] == ["s", "s"]


@pytest.mark.parametrize("mode", ["replace", "merge"])
@pytest.mark.parametrize(("on_duplicate", "value", "lines"), [("reject", 1, [2, 4]), ("last", 3, [1, 2])])
def test_of_two_updates_of_one_record_one_counts(
    tmp_path: Path, mode: str, on_duplicate: str, value: int, lines: list[int]
) -> None:
    apply(tmp_path, "held", {"items": [an_item("a", {"n": 0})], "annotations": [mask("a", {1: {"n": 0}})]})
    items = [an_item("a", {"n": 1}), an_item("a", {"n": 2}), an_item("b"), an_item("a", {"n": 3})]
    masks = [mask("a", {1: {"n": n}, n + 5: {"n": n}}) for n in (1, 3)]
    options = ("--mode", mode, "--on-duplicate", on_duplicate)
    run = apply(tmp_path, "given", {"items": items, "annotations": masks}, *options)
    assert metadata(run, "items")["a"] == {"n": value}
    assert metadata(run, "annotations")["a", "segment", 1] == {"n": value}
    duplicates = [each for each in run.rejections if each["code"] == "duplicate_id"]
    assert [each["line"] for each in duplicates if each["group"] == "items"] == lines
    assert len([each for each in duplicates if each["group"] == "annotations"]) == 3  # a mask and two segments
    unknown = 1 if mode == "merge" else 0  # item b, and the segment that the published mask does not have
    assert counts(run, "items")["rejected"].get("unknown_reference", 0) == unknown
    assert counts(run, "annotations")["rejected"].get("unknown_reference", 0) == unknown


def test_a_replace_creates_what_is_new_where_its_target_is(tmp_path: Path) -> None:
    apply(tmp_path, "held", {"items": [an_item("a")]})
    given = {
        "items": [an_item("b")],
        "annotations": [mark("a", "1"), mark("b", "1"), mark("c", "1"), mask("c", {1: {}})],
    }
    run = replace(tmp_path, "given", given)
    assert counts(run, "items") == {"read": 1, "created": 1}
    assert counts(run, "annotations") == {"read": 5, "created": 2, "rejected": {"unknown_reference": 3}}


@pytest.mark.parametrize("mode", ["replace", "merge"])
def test_a_job_that_changes_nothing_publishes_nothing(tmp_path: Path, mode: str) -> None:
    records: Records = {
        "items": [an_item("a", {"n": 1, "s": None, "o": {"b": 1, "a": [1.0]}}, width=4, note={"x": 1}), an_item("b")],
        "scenes": [
            {"reference_id": "s", "frames": [{"cam": an_item("f", {"lat": 1, "lon": 2})}], "metadata": {"n": 1}}
        ],
        "annotations": [
            mark("a", None, {"n": 1}),
            category("s", None),
            multicategory("a", "t"),
            mask("a", {1: {"n": 1}}),
        ],
        "predictions m": [mark("a", "1", {"n": 1}, confidence=1, class_pdf={"car": 1})],
    }
    first = apply(tmp_path, "same", records)
    if mode == "merge":
        records = records | {"items": [an_item("a", {"n": 1, "o": {"b": 1, "a": [1.0]}}), an_item("b")]}
    second = apply(tmp_path, "same", records, "--mode", mode)
    assert (second.outcome, second.exit_code, second.document["version"]) == ("unchanged", 0, 1)
    for group in records:
        name = group.partition(" ")[0]
        assert counts(second, name) == {"read": counts(first, name)["read"], "unchanged": counts(first, name)["read"]}


@pytest.mark.parametrize(("mode", "group"), every_combination(["replace", "merge"], ["items", *RUNS]))
def test_a_conflict_with_what_stays_is_one_and_with_what_goes_is_none(tmp_path: Path, mode: str, group: str) -> None:
    def of(values: dict[str, Any]) -> Records:
        if group == "items":
            return {"items": [an_item(name, {"speed": value}) for name, value in values.items()]}
        return {group: [mark("i", name, {"speed": value}) for name, value in values.items()]}

    apply(tmp_path, "held", {"items": [an_item("i")]} | of({"a": 1, "b": 2}))
    failed = apply(tmp_path, "one", of({"a": "fast"}), "--mode", mode)
    assert (failed.exit_code, failed.outcome, failed.document["version"]) == (3, "failed", 1)
    name = group.partition(" ")[0]
    assert [(each["group"], each["field"], each["kinds"]) for each in failed.document["conflicts"]] == [
        (name, "speed", {"number": 1, "string": 1})
    ]
    both = apply(tmp_path, "both", of({"a": "fast", "b": "slow"}), "--mode", mode)
    assert (both.outcome, counts(both, name)) == ("published", {"read": 2, "updated": 2})
    field = both.schema[name]["fields"]["speed"]
    assert (field["type"], field["present"], field["minimum"]) == ("categorical", 2, None)


def test_a_retired_image_is_known_when_it_comes_back(tmp_path: Path) -> None:
    def of(url: str) -> Records:
        return {"items": [an_item("a", image_url=url), an_item("b")]}

    signed = "https://example.org/1.jpg?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=c&X-Goog-Date=d"
    signed += "&X-Goog-Expires=1&X-Goog-SignedHeaders=host&X-Goog-Signature="
    b, one, two = (f"https://example.org/{name}.jpg" for name in "b12")
    first = apply(tmp_path, "1", of(signed + "aa"))
    assert cache_keys(first) == {b: ("upload", 1), one: ("upload", 1)}
    resigned = replace(tmp_path, "2", of(signed + "bb"))
    assert (resigned.outcome, resigned.document["cache_keys"]) == ("published", {"upload": 0, "cached": 2})
    moved = replace(tmp_path, "3", of(two))
    assert cache_keys(moved) == {b: ("cached", 1), two: ("upload", 3)}  # the first image is listed no more (U5)
    back = replace(tmp_path, "4", of(one))
    assert cache_keys(back) == {b: ("cached", 1), one: ("cached", 1)}
    again = replace(tmp_path, "5", of(two))
    assert cache_keys(again) == {b: ("cached", 1), two: ("cached", 3)}


def test_text_stays_text_when_its_values_are_replaced(tmp_path: Path) -> None:
    apply(tmp_path, "many", {"items": [an_item(str(n), {"note": f"note {n}"}) for n in range(251)]})
    run = replace(tmp_path, "few", {"items": [an_item(str(n), {"note": f"note {n % 3}"}) for n in range(251)]})
    field = run.schema["items"]["fields"]["note"]
    assert (field["type"], field["present"], field["categories"]) == ("text", 251, None)
    wiped = replace(tmp_path, "none", {"items": [an_item(str(n)) for n in range(251)]})
    assert wiped.schema["items"]["fields"] == {}
    back = replace(tmp_path, "back", {"items": [an_item("0", {"note": "x"})]})
    assert back.schema["items"]["fields"]["note"]["type"] == "text"  # in every later version (T2)
