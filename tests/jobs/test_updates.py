"""Records that a dataset holds already, replaced or merged: what becomes of each.

Covers RULES U2-U5, K5, I2, C1, C3-C5 in updates, A1, A2.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from support.fixtures import SHARED, needs_shared
from support.in_process import ingest
from support.published import cache_keys, counts, metadata, rejected, rows, sources
from support.raw_records import (
    BOX,
    RUNS,
    VERTICES,
    Records,
    apply,
    category,
    document,
    mark,
    mask,
    merge,
    multicategory,
)
from support.runs import an_item, flags, ndjson

ROUNDS = SHARED / "nucleus/updates"
TYPES = ["box", "polygon", "line", "keypoints", "cuboid"]


@needs_shared
def test_rounds_of_the_client_replace_each_other(tmp_path: Path) -> None:
    def of(number: int, *groups: str) -> list[str]:
        files = [
            (group, "m" if group == "predictions" else "", ROUNDS / f"{group}_round{number}.jsonl") for group in groups
        ]
        return flags(files)

    dataset = tmp_path / "d"
    assert ingest(dataset, *of(1, "items", "annotations", "predictions")).outcome == "published"

    failed = ingest(dataset, *of(2, "items"), "--mode", "replace")  # u4 is fast, u1 and u2 have a number
    assert (failed.exit_code, failed.document["version"]) == (3, 1)
    assert [(each["field"], each["kinds"]) for each in failed.document["conflicts"]] == [
        ("speed", {"number": 2, "string": 1})
    ]
    run = ingest(
        dataset, *of(2, "items", "annotations", "predictions"), "--mode", "replace", "--on-conflict", "quarantine"
    )
    assert rejected(run) == [("type_conflict", "items", "u4"), ("unknown_reference", "annotations", "missing_item")]
    assert counts(run, "items") == {"read": 4, "updated": 3, "rejected": {"type_conflict": 1}}
    assert metadata(run, "items") == {
        "u1": {"weather": "snow", "speed": 11.5, "new_only": "true"},
        "u2": {"weather": "rain", "speed": 21.0},
        "u3": {},
    }
    assert counts(run, "annotations") == {
        "read": 6,
        "updated": 4,
        "unchanged": 1,
        "rejected": {"unknown_reference": 1},
    }
    annotations = rows(run, "annotations")
    assert {name[1:]: row["metadata"] for name, row in annotations.items() if name[1] != "polygon"} == {
        ("box", "a1"): {"size": "L"},
        ("category", "clothing"): {"v": 2},
        ("mask", None): {},
        ("segment", 1): {},
    }
    assert (annotations["u1", "box", "a1"]["label"], annotations["u1", "category", "clothing"]["label"]) == (
        "truck",
        "shirt",
    )
    assert annotations["u1", "mask", None]["annotation_id"] == "mask_b"
    # What was replaced counts no more (U5): the number q of p1 is gone, so the string q of p2 is in no conflict.
    assert metadata(run, "predictions") == {("u1", "box", "p1"): {"r": "x"}, ("u1", "box", "p2"): {"q": "one"}}
    bucket = "s3://acme-fleet/2024"
    assert cache_keys(run) == {  # another image or mask is an upload (K5)
        f"{bucket}/u/1.jpg": ("cached", 1),
        f"{bucket}/u/2_moved.jpg": ("upload", 2),
        f"{bucket}/u/3.jpg": ("cached", 1),
        f"{bucket}/m/1_v2.png": ("upload", 2),
    }


def request(folder: Path, name: str) -> Path:
    """A request to update metadata, as its body went over the wire."""
    (sent,) = json.loads((SHARED / f"nucleus/wire/{name}.json").read_text())["requests"]
    return document(folder / f"{name}.json", sent["json"])


@needs_shared
def test_update_of_item_metadata_as_the_client_sends_it(tmp_path: Path) -> None:
    ingest(tmp_path / "d", "--items", str(ROUNDS / "items_round1.jsonl"))
    third = request(tmp_path, "update_item_metadata_round3")
    run = ingest(tmp_path / "d", "--items", str(third), "--mode", "merge")
    assert rejected(run) == [("unknown_reference", "items", "unknown_ref")]
    assert counts(run, "items") == {"read": 2, "updated": 1, "rejected": {"unknown_reference": 1}}
    assert metadata(run, "items")["u1"] == {
        "weather": "hail",
        "night": "true",
        "extra": {"a": 1},
        "old_only": "x",
    }
    fields = run.schema["items"]["fields"]
    assert [fields["speed"][name] for name in ("present", "null", "missing")] == [1, 0, 2]
    assert fields["night"]["observed"]["bool"] == 1
    assert {row["image_url"] for row in run.rows("items")} == {f"s3://acme-fleet/2024/u/{n}.jpg" for n in (1, 2, 3)}


@needs_shared
def test_camera_of_an_update_becomes_that_of_the_item(tmp_path: Path) -> None:
    existing = [
        an_item("img_000001", {"nested": {"a": 2, "b": 1}, "removed": "x", "kept": 1}),
        an_item("img_000015"),
    ]
    apply(tmp_path, "held", {"items": existing})
    files = [request(tmp_path, f"update_item_metadata_{name}") for name in ("sync", "async")]
    first = ingest(tmp_path / "d", "--items", str(files[0]), "--mode", "merge")
    assert rejected(first) == [("unknown_reference", "items", "nope")]
    found = rows(first, "items")
    assert found["img_000001"]["metadata"] == {"weather": "rain", "nested": {"a": 1}, "is_night": "true", "kept": 1}
    camera = json.loads(found["img_000015"]["camera_params"])
    assert (camera["k3"], camera["camera_model"]) == (0, "brown_conrady")  # as it stands inside, not beside
    second = ingest(tmp_path / "d", "--items", str(files[1]), "--mode", "merge")
    assert counts(second, "items") == {"read": 1, "updated": 1}
    assert metadata(second, "items")["img_000001"]["new_key"] == "foo"


@needs_shared
def test_update_of_scene_metadata_as_the_client_sends_it(tmp_path: Path) -> None:
    scenes = tmp_path / "scenes.ndjson"
    files = [SHARED / f"nucleus/scenes_{kind}.jsonl" for kind in ("lidar", "video")]
    scenes.write_text(
        "".join(file.read_text().partition("\n")[0] + "\n" for file in files)
    )  # the first of each: later ones conflict
    before = ingest(tmp_path / "d", "--scenes", str(scenes))
    update = request(tmp_path, "update_scene_metadata_sync")
    run = ingest(tmp_path / "d", "--scenes", str(update), "--mode", "merge")
    assert counts(run, "scenes") == {"read": 2, "updated": 2}
    old, new = metadata(before, "scenes"), metadata(run, "scenes")
    del old["lidar_scene_1"]["city"]
    old["lidar_scene_1"]["new_key"] = "foo"
    old["video_scene_1"]["some_value"] = 123
    assert new == old
    assert metadata(run, "items") == metadata(before, "items")


BONN = {"lat": 50.5, "lon": 7.5}
BERLIN = {"latitude": 52.5, "longitude": 13}
ATTACHED = {"context_attachments": [{"attachment": "/c.jpg"}]}
# Case to the published metadata, that of the record, what there is then, and what became of the record.
REPLACED: dict[str, tuple[Any, Any, Any, str]] = {
    "the new payload wins and lacks nothing": ({"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 2, "b": "y"}, "updated"),
    "what it lacks is gone": ({"a": 1, "b": "x"}, {"a": 1}, {"a": 1}, "updated"),
    "nested objects are new": ({"o": {"a": 1, "b": 2}}, {"o": {"a": 3}}, {"o": {"a": 3}}, "updated"),
    "{} wipes": ({"a": 1}, {}, {}, "updated"),
    "null wipes": ({"a": 1}, None, {}, "updated"),
    "null is kept as null": ({"a": 1}, {"a": None}, {}, "updated"),
    "the same": ({"a": 1, "b": "x", "o": {"p": 1, "q": [True]}},) * 3 + ("unchanged",),
    "the same in another order": (
        {"o": {"p": 1, "q": 2}},
        {"o": {"q": 2, "p": 1}},
        {"o": {"p": 1, "q": 2}},
        "unchanged",
    ),
    "empty over empty": ({}, None, {}, "unchanged"),
    "a float over an integer": ({"a": 1}, {"a": 1.0}, {"a": 1}, "updated"),
    "a boolean over its name": ({"t": "true"}, {"t": True}, {"t": "true"}, "updated"),
    "null over nothing": ({"a": 1}, {"a": 1, "b": None}, {"a": 1}, "updated"),
    "a coordinate as it was": (BONN, {"lat": "50.5", "lon": "7.5"}, BONN, "unchanged"),
}
MERGED: dict[str, tuple[Any, Any, Any, str]] = {
    "the new value wins and others stay": ({"a": 1, "b": "x"}, {"a": 2}, {"a": 2, "b": "x"}, "updated"),
    "a new key": ({"a": 1}, {"b": "x"}, {"a": 1, "b": "x"}, "updated"),
    "null removes": ({"a": 1, "b": "x"}, {"a": None}, {"b": "x"}, "updated"),
    "null removes a null": ({"a": None}, {"a": None}, {}, "updated"),
    "null of an absent key": ({"a": 1}, {"z": None}, {"a": 1}, "unchanged"),
    "nested objects are replaced whole": ({"o": {"a": 1, "b": 2}}, {"o": {"a": 3}}, {"o": {"a": 3}}, "updated"),
    "null inside a nested object is a value": ({"o": {"a": 1}}, {"o": {"a": None}}, {"o": {"a": None}}, "updated"),
    "{} does nothing": ({"a": 1}, {}, {"a": 1}, "unchanged"),
    "null metadata does nothing": ({"a": 1}, None, {"a": 1}, "unchanged"),
    "the same value": ({"a": 1, "b": "x"}, {"a": 1}, {"a": 1, "b": "x"}, "unchanged"),
    "a float over an integer": ({"a": 1}, {"a": 1.0}, {"a": 1}, "updated"),
    "a boolean over its name": ({"t": "true"}, {"t": True}, {"t": "true"}, "updated"),
    "no attachments remove": (ATTACHED, {"context_attachments": []}, {}, "updated"),
    "a half pair becomes whole": ({"lat": 1.5}, {"lon": 2}, {"lat": 1.5, "lon": 2}, "updated"),
    "a string of a half pair becomes a number": ({"latitude": "52.5"}, {"longitude": "+13"}, BERLIN, "updated"),
    "half of a pair is removed": (BONN, {"lat": None}, {"lon": 7.5}, "updated"),
    "half is removed and half is new": (BONN, {"lat": None, "lon": 7}, {"lon": 7}, "updated"),
    "a half pair is no coordinate": ({}, {"lat": 95}, {"lat": 95}, "updated"),
    "another key beside a coordinate": (BONN, {"a": 1}, BONN | {"a": 1}, "updated"),
    "a pair made invalid": (BONN, {"lat": "north", "a": 1}, BONN, "invalid_coordinate"),
    "a pair half null": ({"lat": None, "lon": None}, {"lat": 3}, {}, "invalid_coordinate"),
    "a pair beyond the pole": ({"lat": 1.5}, {"lat": 90.5, "lon": 1}, {"lat": 1.5}, "coordinate_out_of_range"),
}


def test_a_merge_as_the_first_job_says_that_records_have_to_be_there(tmp_path: Path) -> None:
    update = ndjson(tmp_path / "update.ndjson", [an_item("a", {"speed": 1}), an_item("b", {"speed": 2})])
    run = ingest(tmp_path / "d", "--items", str(update), "--mode", "merge")
    assert (run.exit_code, run.outcome) == (0, "unchanged")  # P4
    said = (
        "nothing to publish: no record was accepted, because the dataset does not have 2 of them and --mode merge "
        "updates those that it has: ingest new ones with --mode append; `metadata-etl rejections "
    )
    assert run.document["message"].startswith(said)


@pytest.mark.parametrize(("mode", "cases"), [("replace", REPLACED), ("merge", MERGED)])
def test_metadata_and_fate_of_what_is_published(
    tmp_path: Path, mode: str, cases: dict[str, tuple[Any, Any, Any, str]]
) -> None:
    existing = [an_item(name) | {"metadata": old} for name, (old, *_) in cases.items()]
    given = [an_item(name) | {"metadata": new} for name, (_, new, *_) in cases.items()]
    assert apply(tmp_path, "held", {"items": existing}).outcome == "published"
    if mode == "merge":
        given = [{key: record[key] for key in ("reference_id", "metadata")} for record in given]
    run = apply(tmp_path, "given", {"items": given}, "--mode", mode)
    found = metadata(run, "items")
    assert found == {name: after for name, (_, _, after, _) in cases.items()}
    ends = {name: end for name, (*_, end) in cases.items()}
    assert {name: path.startswith("given") for name, path in sources(run, "items").items()} == {
        name: end == "updated" for name, end in ends.items()
    }
    of = counts(run, "items")
    assert [of.get(end, 0) for end in ("updated", "unchanged", "created", "ignored")] == [
        list(ends.values()).count("updated"),
        list(ends.values()).count("unchanged"),
        0,
        0,
    ]
    assert {each["reference_id"]: each["code"] for each in run.rejections} == {
        name: end for name, end in ends.items() if end not in ("updated", "unchanged")
    }
    assert mode == "replace" or run.document["warnings"] == {}
    for name, row in rows(run, "items").items():  # the location is that of the metadata as it is now
        pairs = [("latitude", "longitude"), ("lat", "lon")]
        located = [[found[name][key] for key in pair] for pair in pairs if all(key in found[name] for key in pair)]
        assert (row["location"] and list(row["location"].values())) == (located[0] if located else None), name


@pytest.mark.parametrize("group", RUNS)
def test_a_merge_needs_identity_and_metadata_only(tmp_path: Path, group: str) -> None:
    existing = [
        *(mark("i", f"id {kind}", {"k": kind}, kind=kind) for kind in TYPES),
        mark("i", "id box", {"k": "of a task"}, task_id="t"),
        mark("i", None, {"k": "derived"}, kind="polygon", label="lane"),
        category("i", None, {"k": "default"}),
        category("i", "light", {"k": "light"}),
        category("s", "light", {"k": "of a scene"}),
        multicategory("i", "light", {"k": "several"}),
        mask("i", {1: {"k": "one"}, 2: {"k": "two"}}),
        mask("j", {1: {"k": "one"}}),
    ]
    scene = {"reference_id": "s", "video_url": "/v.mp4"}
    records: Records = {"items": [an_item("i"), an_item("j")], "scenes": [scene], group: existing}
    other: Records = {"predictions other": existing} if group != "annotations" else {}
    apply(tmp_path, "held", records | other)
    new = {"metadata": {"n": 1}}
    updates = [
        *({"reference_id": "i", "annotation_id": f"id {kind}", **new} for kind in TYPES),
        {
            "reference_id": "i",
            "annotation_id": "id box",
            "task_id": "t",
            "type": "box",
            "geometry": [],
            "label": 3,
            **new,
        },
        {"reference_id": "i", "type": "polygon", "label": "lane", "geometry": VERTICES, **new},
        {"reference_id": "i", **new},
        {"reference_id": "i", "taxonomy_name": "light", **new},
        {"reference_id": "s", "taxonomy_name": "light", "type": "category", **new},
        {"reference_id": "i", "labels": ["dry"], "taxonomy_name": "light", **new},
        {"reference_id": "i", "type": "mask", "annotation_id": "any", "mask_url": 7}
        | {"annotations": [{"index": "2", "label": 4, **new}, {"index": 9, **new}]},
        {"reference_id": "j", "annotations": [{"index": 1, "metadata": {"k": None}}]},
        {"reference_id": "i", "annotation_id": "nobody", **new},
        {"reference_id": "i", "taxonomy_name": "nothing", **new},
        {"reference_id": "nowhere", "annotation_id": "id box", **new},
        {"reference_id": "s", "type": "mask", "annotations": [{"index": 1, **new}]},
        {"reference_id": "i", "type": "circle", "annotation_id": "id box", **new},
        {"reference_id": "i", "annotation_id": "id line", "metadata": [1]},
        {"annotation_id": "id line", **new},
    ]
    run = merge(tmp_path, "updates", {group: updates})
    name = group.partition(" ")[0]
    if other:
        untouched = [row for row in run.rows(name) if row["model_run"] == "other"]
        assert len(untouched) == 16
        assert all(row["source"]["export"].endswith("held-predictionsother.ndjson") for row in untouched)
    mine = [row for row in run.rows(name) if row.get("model_run") in (None, "m")]
    updated = [row for row in mine if "updates-" in row["source"]["export"]]
    assert sorted((row["reference_id"], row["type"]) for row in updated) == sorted(
        [
            *(("i", kind) for kind in TYPES),
            *[("i", "box"), ("i", "polygon"), ("i", "category"), ("i", "category"), ("s", "category")],
            *[("i", "multicategory"), ("i", "segment"), ("j", "segment")],
        ]
    )
    column = run.schema[name]["fields"]["n"]["column"]
    with_number = [row for row in mine if row["metadata"][column] == 1]
    assert len(with_number) == len(updated) - 1
    box = next(row for row in updated if row["task_id"] == "t")
    assert (box["label"], json.loads(box["geometry"])) == ("car", BOX)  # core columns stay
    assert counts(run, name) == {
        "read": 24,
        "updated": 13,
        "unchanged": 2,
        # Besides unknown ones: a segment that its mask does not have, and a mask that is not published with its own.
        "rejected": {"unknown_reference": 6, "unknown_type": 1, "invalid_metadata": 1, "invalid_reference_id": 1},
    }
