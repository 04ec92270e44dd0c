"""The oracle of the test suite gives the outcomes that the shared fixtures expect, and keeps the rules' own examples.

Covers RULES F1, F2, G2-G6, V2, V5-V7, T1-T4, C1-C5, A1, I1-I4, U1, U4, K4, R5, P4.
"""

import ast
import functools
import gzip
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import oracle
from support.fixtures import SHARED, named_as_expected, needs_shared
from support.oracle import Run, run
from support.oracle.urls import is_fetchable

SHARED_RUNS = {
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
BOX = {"x": 1, "y": 2, "width": 3, "height": 4}


@functools.cache
def run_of(entry: str) -> Run:
    """The outcome of the job that an entry of expected_by_oracle.json stands for; the tests only look at it."""
    return run(exports_of(entry))


def exports_of(entry: str) -> list[tuple[str, str, Path]]:
    """The job that an entry of expected_by_oracle.json stands for."""
    if entry in SHARED_RUNS:
        return [(group, model_run, SHARED / entry / name) for group, model_run, name in SHARED_RUNS[entry]]
    path = SHARED / entry
    return [("items", "", path if path.suffix else path.with_suffix(".ndjson"))]


def expectations() -> dict[str, Any]:
    if not SHARED.is_dir():
        return {}
    expected: dict[str, Any] = json.loads((SHARED / "expected_by_oracle.json").read_text())
    return {entry: outcome for entry, outcome in expected.items() if "(quarantine)" not in entry}


EXPECTED = expectations()


@needs_shared
@pytest.mark.parametrize("entry", EXPECTED)
def test_shared_fixture_has_the_expected_outcome(entry: str) -> None:
    expected, result = EXPECTED[entry], run_of(entry)
    assert result.outcome == expected["outcome"]
    assert result.published == (expected["outcome"] == "published")
    assert result.conflicts == expected["conflicts"]
    assert len({url for url, _, _ in result.cache_urls}) == expected["cache_keys"]
    for group, about in expected["groups"].items():
        assert result.counts[group] == about["counts"]
        assert result.schema[group]["records"] == about["records"]
        assert sum(row["location"] is not None for row in result.rows[group]) == about["located"]
        assert result.schema[group]["fields"].keys() == about["fields"].keys()
    for group in result.schema.keys() - expected["groups"].keys():
        assert result.counts[group]["read"] == 0


@needs_shared
@pytest.mark.parametrize("entry", EXPECTED)
def test_shared_fixture_has_the_expected_fields(entry: str) -> None:
    expected, result = EXPECTED[entry], run_of(entry)
    for group, about in expected["groups"].items():
        for key, field in about["fields"].items():
            mine = result.schema[group]["fields"][key]
            for name in ("present", "null", "missing", "type", "kinds", "minimum", "maximum"):
                if name in field:
                    assert mine[name] == field[name], (group, key, name)
            assert {name: n for name, n in mine["observed"].items() if n} == field["observed"]
            if "mean" in field:
                assert mine["mean"] == pytest.approx(field["mean"], rel=1e-12)
                assert mine["storage"] in field["storage"]
                assert mine["inexact"] == field["inexact"]
            if "distinct" in field:
                assert mine["distinct"] == {"value": field["distinct"], "exact": True}
            if "categories" in field:
                categories = [(category["value"], category["count"]) for category in mine["categories"]]
                if field.get("categories_cut"):
                    assert len(categories) == field["distinct"] > len(field["categories"])
                    categories = categories[: len(field["categories"])]
                assert categories == list(field["categories"].items())


@needs_shared
@pytest.mark.parametrize("entry", [entry for entry in EXPECTED if "rejections" in EXPECTED[entry]])
def test_shared_fixture_has_the_expected_rejections(entry: str) -> None:
    expected, result = EXPECTED[entry]["rejections"], run_of(entry)
    keys = ("code", "group", "export", "line", "reference_id")
    mine = Counter(
        tuple(rejection[key] for key in keys) for rejection in named_as_expected(expected, result.rejections)
    )
    listed = Counter(tuple(rejection[key] for key in keys) for rejection in expected)
    assert listed <= mine
    if len(expected) < 40:  # the list is cut there
        assert listed == mine


@needs_shared
def test_every_location_is_the_one_that_the_coordinates_file_states() -> None:
    expected = json.loads((SHARED / "coords/expected.json").read_text())
    for name, outcomes in expected.items():
        result = run([("items", "", SHARED / f"coords/{name}.ndjson")])
        mine: dict[str, Any] = {r["reference_id"]: {"rejected": r["code"]} for r in result.rejections}
        for row in result.rows["items"]:
            mine[row["reference_id"]] = row["location"] and list(row["location"].values())
        assert mine == outcomes


@needs_shared
def test_urls_of_the_standard_are_fetchable() -> None:
    groups = json.loads((SHARED / "urls/same_key_groups.json").read_text())
    assert [url for spellings in groups.values() for url in spellings if not is_fetchable(url)] == []


def ingest(folder: Path, *exports: tuple[str, list[Any]], **options: Any) -> Run:
    """Run the oracle over records given inline; predictions are of the run "m"."""
    job = []
    for number, (group, records) in enumerate(exports):
        path = folder / f"{number}_{group}.ndjson"
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        path.write_text("\n".join(lines))
        job.append((group, "m" if group == "predictions" else "", path))
    return run(job, **options)


def an_item(reference_id: Any, metadata: Any = None, **keys: Any) -> dict[str, Any]:
    return {"reference_id": reference_id, "image_url": "https://a.example/1.jpg", "metadata": metadata} | keys


def a_box(reference_id: str, **keys: Any) -> dict[str, Any]:
    return {"reference_id": reference_id, "type": "box", "label": "car", "geometry": BOX} | keys


def codes(result: Run) -> list[str]:
    return [rejection["code"] for rejection in result.rejections]


@pytest.mark.parametrize(
    ("record", "code", "field"),
    [
        ("[1]", "not_an_object", None),
        ('{"reference_id": "a", "x": "\\ud800"}', "malformed_json", None),
        ('{"reference_id": "a", "x": [NaN]}', "non_finite_number", None),
        (an_item(5), "invalid_reference_id", "reference_id"),
        (an_item(""), "invalid_reference_id", "reference_id"),
        ({"reference_id": "a", "image_url": ""}, "missing_url", None),
        (an_item("a", image_url=7), "invalid_field", "image_url"),
        (an_item("a", width=True), "invalid_field", "width"),
        (an_item("a", image_url="ftp://a.example/1.jpg"), "invalid_url", "image_url"),
        (an_item("a", image_url="https:///"), "invalid_url", "image_url"),
        (an_item("a", []), "invalid_metadata", "metadata"),
        (an_item("a", {"camera_params": 1}), "invalid_field", "metadata.camera_params"),
        (an_item("a", {"lat": 1, "lon": True}), "invalid_coordinate", "metadata.lon"),
        (an_item("a", {"lat": "1e", "lon": 1}), "invalid_coordinate", "metadata.lat"),
        (an_item("a", {"lat": 1, "lon": None}), "invalid_coordinate", "metadata.lon"),
        (an_item("a", {"lat": 10**400, "lon": 1}), "coordinate_out_of_range", "metadata.lat"),
        (an_item("a", {"n": 10**400}), "number_out_of_range", "metadata.n"),
        ('{"reference_id": "a", "image_url": "/1.jpg", "metadata": {"n": 1e400}}', "number_out_of_range", "metadata.n"),
        (
            an_item("a", {"context_attachments": [{"attachment": "/x", "dims": {"width": 0, "height": 1}}]}),
            "invalid_context_attachment",
            "metadata.context_attachments[0].dims.width",
        ),
        (
            an_item("a", {"context_attachments": [{"attachment": "nowhere"}]}),
            "invalid_url",
            "metadata.context_attachments[0].attachment",
        ),
    ],
)
def test_faulty_item_is_rejected(tmp_path: Path, record: Any, code: str, field: str | None) -> None:
    result = ingest(tmp_path, ("items", [record, an_item("good")]))
    assert [(r["code"], r["field"], r["line"]) for r in result.rejections] == [(code, field, 1)]
    assert [row["reference_id"] for row in result.rows["items"]] == ["good"]


@pytest.mark.parametrize(
    ("keys", "code", "field"),
    [
        ({"type": "circle"}, "unknown_type", "type"),
        ({"type": ["box"]}, "unknown_type", "type"),
        ({"label": None}, "invalid_field", "label"),
        ({"type": "multicategory", "labels": ["a", 1]}, "invalid_field", "labels"),
        ({"geometry": None}, "invalid_field", "geometry"),
        ({"geometry": BOX | {"x": True}}, "invalid_field", "geometry.x"),
        ({"type": "line", "geometry": {"vertices": [{"x": 1}]}}, "invalid_field", "geometry.vertices[0].y"),
        ({"type": "cuboid"}, "invalid_field", "geometry.position"),
        ({"type": "keypoints", "geometry": {"keypoints": [1]}}, "invalid_field", "geometry.keypoints"),
        ({"task_id": 1}, "invalid_field", "task_id"),
        ({"confidence": True}, "invalid_field", "confidence"),
        ({"class_pdf": []}, "invalid_field", "class_pdf"),
        ({"reference_id": None, "item_id": "di_1"}, "invalid_reference_id", "reference_id"),
        ({"type": "mask"}, "missing_url", "mask_url"),
        ({"reference_id": "nobody"}, "unknown_reference", None),
    ],
)
def test_faulty_prediction_is_rejected(tmp_path: Path, keys: dict[str, Any], code: str, field: str | None) -> None:
    result = ingest(tmp_path, ("items", [an_item("a")]), ("predictions", [a_box("a") | keys]))
    assert [(r["code"], r["field"]) for r in result.rejections] == [(code, field)]


def test_confidence_is_a_column_of_predictions_and_an_extra_of_annotations(tmp_path: Path) -> None:
    box = a_box("a", confidence=0.5)
    result = ingest(tmp_path, ("items", [an_item("a")]), ("annotations", [box]), ("predictions", [box]))
    assert result.rows["annotations"][0]["extra"] == {"confidence": 0.5}
    prediction = result.rows["predictions"][0]
    assert (prediction["model_run"], prediction["confidence"], prediction["extra"]) == ("m", 0.5, None)


@pytest.mark.parametrize(("on_duplicate", "kept", "rejected_line"), [("reject", 1, 2), ("last", 2, 1)])
def test_one_of_two_duplicates_stays(tmp_path: Path, on_duplicate: str, kept: int, rejected_line: int) -> None:
    result = ingest(tmp_path, ("items", [an_item("a", {"n": 1}), an_item("a", {"n": 2})]), on_duplicate=on_duplicate)
    assert [row["metadata"] for row in result.rows["items"]] == [{"n": kept}]
    assert [(r["code"], r["line"]) for r in result.rejections] == [("duplicate_id", rejected_line)]


def test_annotations_without_an_id_have_one_from_their_content(tmp_path: Path) -> None:
    boxes = [a_box("a"), a_box("b"), a_box("a", label="bus"), a_box("a", metadata={"n": 1})]
    result = ingest(tmp_path, ("items", [an_item("a"), an_item("b")]), ("annotations", boxes))
    first, second, third = (row["annotation_id"] for row in result.rows["annotations"])
    assert first == second != third
    assert [(r["code"], r["line"]) for r in result.rejections] == [("duplicate_id", 4)]


def test_segments_share_the_fate_of_their_mask(tmp_path: Path) -> None:
    segments = [{"index": "7", "metadata": {"n": 1}}, {"label": "x"}, {"label": "y", "index": 1}, "no segment"]
    mask = {"type": "mask", "reference_id": "a", "mask_url": "/m.png", "annotations": segments}
    result = ingest(tmp_path, ("items", [an_item("a")]), ("annotations", [mask, mask, mask | {"reference_id": "b"}]))
    assert [row["segment_index"] for row in result.rows["annotations"]] == [None, 7, 1]
    # Each record is a mask and four segments: one of the wrong shape, two of one index. The first record keeps its
    # mask and two segments, the second loses all to the first, and the third loses what is left to its reference.
    assert result.counts["annotations"] == {
        "read": 15,
        "created": 3,
        "updated": 0,
        "ignored": 0,
        "unchanged": 0,
        "rejected": {"invalid_field": 3, "duplicate_id": 1 + 4 + 1, "unknown_reference": 1 + 2},
    }


@pytest.mark.parametrize(("on_duplicate", "indexes"), [("reject", [None, 1]), ("last", [None, 2])])
def test_other_segments_of_a_lost_mask_are_lost_too(
    tmp_path: Path, on_duplicate: str, indexes: list[int | None]
) -> None:
    masks = [
        {"type": "mask", "reference_id": "a", "mask_url": "/m.png", "annotations": [{"index": index}]}
        for index in (1, 2)
    ]
    result = ingest(tmp_path, ("items", [an_item("a")]), ("annotations", masks), on_duplicate=on_duplicate)
    assert [row["segment_index"] for row in result.rows["annotations"]] == indexes
    assert codes(result) == ["duplicate_id"] * 2
    again = ingest(tmp_path, ("annotations", masks[:1] if indexes[1] == 2 else masks[1:]), existing=result.dataset)
    assert (again.outcome, again.counts["annotations"]["ignored"]) == ("unchanged", 2)


def test_frames_do_not_share_the_fate_of_their_scene(tmp_path: Path) -> None:
    frames = [{"reference_id": "f0", "url": "/0.jpg"}, {"reference_id": "f1"}, 3]
    bad_scene = {"reference_id": "s", "frames": frames, "frame_rate": 5, "metadata": []}
    result = ingest(tmp_path, ("scenes", [bad_scene]))
    assert [(r["group"], r["code"], r["reference_id"]) for r in result.rejections] == [
        ("scenes", "invalid_metadata", "s"),
        ("items", "missing_url", "f1"),
        ("items", "not_an_object", None),
    ]
    (row,) = result.rows["items"]
    assert (row["scene_reference_id"], row["frame_index"], row["sensor"]) == ("s", 0, None)


def test_frames_of_another_shape_are_not_read(tmp_path: Path) -> None:
    scenes = [
        {"reference_id": "a", "frames": {}},
        {"reference_id": "b", "frames": [1]},
        {"reference_id": "c", "frames": [{"url": "/0.jpg"}, {"cam": {"url": "/1.jpg"}}]},
        {"reference_id": "d"},
    ]
    result = ingest(tmp_path, ("scenes", scenes))
    assert codes(result) == ["invalid_field"] * 3 + ["missing_url"]
    assert (result.counts["items"]["read"], result.counts["scenes"]["read"]) == (0, 4)


def test_lidar_frame_items_name_their_sensor(tmp_path: Path) -> None:
    camera = {"fx": 1}
    frame = {
        "cam": {"reference_id": "c", "url": "/c.jpg", "metadata": {"camera_params": camera}, "camera_params": {}},
        "lidar": {"reference_id": "l", "url": "/l.json"},
    }
    result = ingest(tmp_path, ("scenes", [{"reference_id": "s", "frames": [{}, frame], "tracks": []}]))
    cam, lidar = result.rows["items"]
    assert (cam["sensor"], cam["frame_index"], cam["image_url"], cam["camera_params"]) == ("cam", 1, "/c.jpg", camera)
    assert (lidar["sensor"], lidar["image_url"], lidar["pointcloud_url"]) == ("lidar", None, "/l.json")
    (scene,) = result.rows["scenes"]
    assert (scene["type"], scene["frame_count"], scene["extra"]) == ("lidar", 2, {"tracks": []})
    assert [kind for _, kind, _ in result.cache_urls] == ["image", "pointcloud"]


def test_exported_scene_row_is_unwrapped(tmp_path: Path) -> None:
    scene = {"reference_id": "s", "type": "video", "fileLocation": "s3://b/v.mp4", "frame_rate": 5}
    result = ingest(tmp_path, ("scenes", [{"scene": scene, "annotations": {}}]))
    assert result.cache_urls == [("s3://b/v.mp4", "video", "s")]
    (row,) = result.rows["scenes"]
    assert (row["frame_rate"], row["frame_count"], row["extra"]) == (5, None, {"annotations": {}})


def test_published_identities_are_ignored_and_new_ones_created(tmp_path: Path) -> None:
    first = ingest(tmp_path, ("items", [an_item("a", {"n": 1})]))
    second = ingest(
        tmp_path,
        ("items", [an_item("a", {"n": 2}), an_item("b", {"n": 3.5}), an_item("a")]),
        ("annotations", [a_box("a")]),
        existing=first.dataset,
    )
    assert second.counts["items"] == {
        "read": 3,
        "created": 1,
        "updated": 0,
        "ignored": 1,
        "unchanged": 0,
        "rejected": {"duplicate_id": 1},
    }
    assert second.counts["annotations"]["created"] == 1
    # The integer of the first version is stored as a double now.
    assert [repr(row["metadata"]["n"]) for row in second.rows["items"]] == ["1.0", "3.5"]
    third = ingest(tmp_path, ("items", [an_item("a"), an_item("b")]), existing=second.dataset)
    assert (third.outcome, third.published, third.dataset) == ("unchanged", False, second.dataset)


def test_conflict_spans_the_job_and_the_dataset(tmp_path: Path) -> None:
    first = ingest(tmp_path, ("items", [an_item("a", {"speed": 1})]))
    second = ingest(tmp_path, ("items", [an_item("b", {"speed": True})]), existing=first.dataset)
    assert second.conflicts == [{"group": "items", "field": "speed", "kinds": {"number": 1, "string": 1}}]
    assert (second.outcome, second.published) == ("failed", False)
    assert second.rows == first.rows


def test_250_strings_are_categories_and_251_are_text_for_good(tmp_path: Path) -> None:
    items = [an_item(str(n), {"s": f"v{n}"}) for n in range(251)]
    at_most = ingest(tmp_path, ("items", items[:250]))
    assert at_most.schema["items"]["fields"]["s"]["type"] == "categorical"
    above = ingest(tmp_path, ("items", items[250:]), existing=at_most.dataset)
    assert above.schema["items"]["fields"]["s"]["type"] == "text"
    assert above.dataset.text["items"] == {"s"}


def test_warnings_are_counted_once_per_record(tmp_path: Path) -> None:
    records = [
        an_item("differ", {"lat": 1, "lon": 2, "latitude": 1, "longitude": "3"}),
        an_item("agree", {"lat": "1.0", "lon": " +2 ", "latitude": 1, "longitude": 2.0}),
        an_item("mixed", {"lat": 1, "longitude": 2}),
        an_item("null half", {"lat": None}),
        an_item("no coordinate", {"lat": None, "lon": None}),
    ]
    result = ingest(tmp_path, ("items", records))
    assert result.warnings == {"coordinate_pairs_differ": 1, "half_coordinate": 1}
    assert result.rows["items"][0]["location"] == {"latitude": 1.0, "longitude": 3.0}


def test_integers_keep_their_value_and_inexact_ones_are_counted(tmp_path: Path) -> None:
    records = [an_item("a", {"id": 2**53 + 1, "big": 2**63, "n": 1}), an_item("b", {"id": 1, "big": 0, "n": 2})]
    result = ingest(tmp_path, ("items", records))
    fields = result.schema["items"]["fields"]
    assert {key: (field["storage"], field["inexact"]) for key, field in fields.items()} == {
        "id": ("long", 1),
        "big": ("double", 0),
        "n": ("long", 0),
    }
    assert fields["id"]["maximum"] == 2**53 + 1
    assert (fields["n"]["mean"], fields["n"]["stddev"]) == (1.5, 0.5)


def test_no_attachments_count_as_null(tmp_path: Path) -> None:
    result = ingest(tmp_path, ("items", [an_item("a", {"context_attachments": []})]))
    field = result.schema["items"]["fields"]["context_attachments"]
    assert (field["type"], field["present"], field["null"]) == ("reserved", 0, 1)


def test_more_keys_than_allowed_fail_the_job(tmp_path: Path) -> None:
    records = [an_item("a", {"x": 1}), an_item("b", {"y": 1})]
    assert ingest(tmp_path, ("items", records), max_fields=2).outcome == "published"
    failed = ingest(tmp_path, ("items", records), max_fields=1)
    assert (failed.outcome, codes(failed)) == ("failed", ["too_many_fields"])


def test_place_of_a_record_does_not_depend_on_the_framing(tmp_path: Path) -> None:
    bad, good = b'{"reference_id": "\xc3\xbc"}', b'{"reference_id": "a", "image_url": "/1"}'
    lines = tmp_path / "lines.ndjson.gz"
    lines.write_bytes(gzip.compress(b"\xef\xbb\xbf" + good + b"\r\n \r\n") + gzip.compress(bad))
    array = tmp_path / "array.json"
    array.write_bytes(b"[" + good + b",\n\n" + bad + b"]")
    envelope = tmp_path / "envelope.json"
    envelope.write_bytes(b'{"update": [1],\n"items": [' + good + b",\n" + bad + b"]}")
    places = {}
    for path in (lines, array, envelope):
        result = run([("items", "", path)])
        (rejection,) = result.rejections
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        assert data[rejection["offset"] :].startswith(bad)
        assert data[result.rows["items"][0]["source"]["offset"] :].startswith(good)
        places[path.name] = rejection["line"]
    assert places == {"lines.ndjson.gz": 3, "array.json": 3, "envelope.json": 3}


def test_oracle_imports_nothing_of_the_product() -> None:
    for path in Path(oracle.__file__).parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        foreign = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
        assert foreign <= {"support", "fastavro"}, path


@needs_shared
@pytest.mark.parametrize("entry", EXPECTED)
def test_every_record_read_has_one_fate(entry: str) -> None:
    result = run_of(entry)
    for counts in result.counts.values():
        if result.outcome == "failed":  # nothing was created, so the sum cannot hold
            assert counts["created"] == 0
        else:
            assert counts["read"] == counts["created"] + counts["ignored"] + sum(counts["rejected"].values())
