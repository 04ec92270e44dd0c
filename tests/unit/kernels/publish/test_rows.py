"""Published columns: V2, V4, V7, V9, C1, A1, A2, G6, K1, K2."""

import hashlib
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import attachment_values, batch_of, json_values, normalized

from transforms.kernels.batch.batch import Batch
from transforms.kernels.merge.merge import merge
from transforms.kernels.publish import attachments as published
from transforms.kernels.publish.attachments import published_attachments
from transforms.kernels.publish.rows import USES, publish, typed_columns, use_the_same, uses_of
from transforms.rules.attachments import attachments
from transforms.rules.avro_schema import COLUMNS
from transforms.rules.column_names import columns
from transforms.rules.export_rows import Group
from transforms.rules.image_urls import cache_key
from transforms.rules.policies import CacheKeyMode
from transforms.rules.values import JsonObject, canonical_json

URL = "https://example.org/a.jpg"


def fields_of(storages: dict[str, str]) -> JsonObject:
    """Entries of a `schema.json`, as far as publishing reads them; no storage, no column."""
    names = columns([key for key, storage in storages.items() if storage])
    return {key: {"column": names.get(key), "storage": storage} for key, storage in storages.items()}


def rows_of(values: list[Any], group: Group = "items") -> Batch:
    """A batch as a partition holds it after the merge, beside the item x."""
    batches = normalized(values, group, model_run="run").batches
    item = normalized([{"reference_id": "x", "image_url": URL}], "items").batches
    others = {} if group in ("items", "scenes") else {"items": item}
    return merge({**others, group: batches}, {}, exports=["a.jsonl"]).batches[group]


def stored(value: Any, storage: str) -> Any:
    """The value in the type it is stored in; None where it has another kind."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match storage:
        case "long":
            return value if is_number and isinstance(value, int) and -(2**63) <= value < 2**63 else None
        case "double":
            return float(value) if is_number else None
        case "string":
            return ("true" if value else "false") if isinstance(value, bool) else value if is_text(value) else None
        case _:
            return canonical_json(value) if isinstance(value, (list, dict)) else None


def is_text(value: Any) -> bool:
    return isinstance(value, str)


sound_attachments = st.lists(attachment_values.filter(lambda value: isinstance(attachments(value), tuple)), max_size=6)


@draws(100)
@given(sound_attachments, st.sampled_from(["canonical", "raw"]))
def test_attachments_are_published_as_the_rule_reads_them(values: list[Any], mode: CacheKeyMode) -> None:
    texts = [canonical_json(value) if value else None for value in values]
    names = pl.Series([f"r{place}" for place in range(len(values))], dtype=pl.String)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "_SLAB_ROWS", 2)
        column, uses = published_attachments(pl.Series(texts, dtype=pl.String), names, mode)
    rows: list[Any] = []
    used = []
    for name, value in zip(names, values, strict=True):
        checked = attachments(value)
        assert isinstance(checked, tuple)
        row = []
        for each in checked:
            key = cache_key(each.attachment if mode == "raw" else each.url)
            used.append((bytes.fromhex(key), each.url, "attachment", name))
            numbers = {
                "dims": each.dims and dict(zip(("width", "height"), each.dims, strict=True)),
                "camera_position": each.camera_position and dict(zip("xyz", each.camera_position, strict=True)),
            }
            inner = None if each.metadata is None else canonical_json(each.metadata)
            row.append(
                {"attachment": each.attachment, "cache_key": key, "frame": each.frame, **numbers, "metadata": inner}
            )
        rows.append(row or None)
    assert column.to_list() == rows
    assert uses.rows() == used
    assert uses.schema == USES


@draws(100)
@given(st.lists(json_values, min_size=1, max_size=12), st.sampled_from([0, 60]), st.sampled_from(["", "a", "b:c"]))
def test_a_typed_column_holds_each_value_of_its_storage(values: list[Any], empty: int, key: str) -> None:
    batch = batch_of([{key: value} for value in values] + [{}] * empty)
    for storage in ("long", "double", "string", "json"):
        found = typed_columns(batch, {key: storage})[key].to_list()
        expected = [stored(value, storage) for value in values] + [None] * empty
        assert repr(found) == repr(expected)


def test_a_column_and_cells_of_one_field_are_one_typed_column() -> None:
    batch = Batch.concatenated([batch_of([{"a": 1}, {"a": 2.5}]), batch_of([{}] * 50 + [{"a": 3}, {"a": 2**64}])])
    found = typed_columns(batch, {"a": "double", "missing": "string"})
    assert found["a"].to_list() == [1.0, 2.5, *[None] * 50, 3.0, 2.0**64]
    assert found["missing"].to_list() == [None] * 54


def test_an_item_is_published_with_all_its_columns() -> None:
    metadata = {
        "speed": 1,
        "night": True,
        "cs:type": "x",
        "tags": [True, {"b": 1, "a": None}],
        "latitude": "1.5",
        "longitude": 2,
        "camera_params": {"fx": 2},
        "context_attachments": [
            {"attachment": "HTTPS://example.org/c.jpg", "frame": 3, "dims": {"width": 1, "height": 2}},
            {"attachment": "gs://b/c", "camera_position": {"x": 1, "y": 2, "z": 3}, "metadata": {"b": 1, "a": 2}},
        ],
    }
    records = [
        {"reference_id": "a", "image_url": "HTTPS://example.org/a.jpg", "width": 4, "metadata": metadata, "zoom": 3},
        {"reference_id": "b", "pointcloud_url": "gs://b/p", "camera_params": {"fx": 1}},
    ]
    fields = fields_of(
        {"speed": "double", "night": "string", "cs:type": "string", "tags": "json", "latitude": "double", "off": ""}
    )
    fields["off"] = {"column": None, "storage": None}
    published = publish(rows_of(records), fields, cache_keys="canonical")
    a, b = published.frame.to_dicts()
    key = {
        url: hashlib.sha256(url.encode()).hexdigest()
        for url in (URL, "https://example.org/c.jpg", "gs://b/c", "gs://b/p")
    }
    nothing = dict.fromkeys(("frame", "dims", "camera_position", "metadata"))
    second = {"camera_position": {"x": 1.0, "y": 2.0, "z": 3.0}, "metadata": '{"a":2,"b":1}'}
    assert published.frame.columns == [*(name for name, _ in COLUMNS["items"]), "metadata", "extra", "source"]
    assert a == dict.fromkeys(published.frame.columns) | {
        "reference_id": "a",
        "image_url": "HTTPS://example.org/a.jpg",
        "cache_key": key[URL],
        "width": 4.0,
        "location": {"latitude": 1.5, "longitude": 2.0},
        "camera_params": '{"fx":2}',
        "context_attachments": [
            {**nothing, "attachment": "HTTPS://example.org/c.jpg", "cache_key": key["https://example.org/c.jpg"]}
            | {"frame": 3, "dims": {"width": 1.0, "height": 2.0}},
            {**nothing, "attachment": "gs://b/c", "cache_key": key["gs://b/c"], **second},
        ],
        "metadata": {
            "speed": 1.0,
            "night": "true",
            columns(["cs:type"])["cs:type"]: "x",
            "tags": '[true,{"a":null,"b":1}]',
            "latitude": 1.5,
        },
        "extra": '{"zoom":3}',
        "source": {"export": "a.jsonl", "offset": 0},
    }
    assert (b["pointcloud_url"], b["location"], b["context_attachments"]) == ("gs://b/p", None, None)
    assert (b["camera_params"], b["extra"]) == ('{"fx":1}', None)
    assert set(b["metadata"].values()) == {None}
    assert b["source"] == {"export": "a.jsonl", "offset": len(json.dumps(records[0])) + 1}
    assert published.uses.columns == list(USES)
    assert sorted(published.uses.rows()) == sorted(
        [
            (bytes.fromhex(key[url]), url, kind, name)
            for url, kind, name in (
                (URL, "image", "a"),
                ("gs://b/p", "pointcloud", "b"),
                ("https://example.org/c.jpg", "attachment", "a"),
                ("gs://b/c", "attachment", "a"),
            )
        ]
    )
    assert set(published.metadata) == {"speed", "night", "cs:type", "tags", "latitude"}


def test_raw_cache_keys_are_those_of_the_incoming_urls() -> None:
    attachment = {"attachment": "HTTPS://example.org/c"}
    record = {
        "reference_id": "a",
        "image_url": "HTTPS://example.org/a",
        "metadata": {"context_attachments": [attachment]},
    }
    uses = publish(rows_of([record]), {}, cache_keys="raw").uses
    keys = [hashlib.sha256(url.encode()).digest() for url in ("HTTPS://example.org/a", "HTTPS://example.org/c")]
    assert uses.rows() == [
        (keys[0], "https://example.org/a", "image", "a"),
        (keys[1], "https://example.org/c", "attachment", "a"),
    ]


@pytest.mark.parametrize("group", ["annotations", "predictions"])
def test_annotations_are_published_with_labels_masks_and_segments(group: Group) -> None:
    records = [
        {"reference_id": "x", "type": "multicategory", "labels": ["p", "q"], "taxonomy_name": "t", "confidence": 0.5},
        {"reference_id": "x", "type": "mask", "mask_url": "gs://b/m", "annotations": [{"metadata": {"a": 1}}]},
    ]
    published = publish(rows_of(records, group), fields_of({"a": "long"}), cache_keys="canonical")
    by_type = {row["type"]: row for row in published.frame.to_dicts()}
    assert by_type["multicategory"]["labels"] == ["p", "q"]
    assert by_type["mask"]["cache_key"] == hashlib.sha256(b"gs://b/m").hexdigest()
    assert (by_type["segment"]["segment_index"], by_type["segment"]["metadata"]) == (0, {"a": 1})
    assert published.uses["kind"].to_list() == ["mask"]
    if group == "predictions":
        assert by_type["mask"]["model_run"] == "run"
        assert by_type["multicategory"]["confidence"] == 0.5
    else:
        assert by_type["multicategory"]["extra"] == '{"confidence":0.5}'


def test_a_scene_without_a_video_uses_no_url() -> None:
    records = [{"reference_id": "s", "frames": [{}]}, {"reference_id": "t", "video_url": "/v.mp4", "frame_rate": 2}]
    published = publish(rows_of(records, "scenes"), {}, cache_keys="canonical")
    assert published.frame.select("type", "frame_count", "frame_rate").rows() == [
        ("lidar", 1, None),
        ("video", None, 2.0),
    ]
    assert published.frame["cache_key"].is_null().to_list() == [True, False]
    assert published.uses["kind"].to_list() == ["video"]


def test_without_fields_the_metadata_is_empty() -> None:
    frame = publish(rows_of([{"reference_id": "a", "image_url": URL}]), {}, cache_keys="canonical").frame
    assert frame["metadata"].to_list() == [None]
    assert isinstance(frame, pl.DataFrame)


ATTACHED = {"context_attachments": [{"attachment": "/c.jpg"}]}
ITEM: dict[str, Any] = {"reference_id": "a", "image_url": "https://example.org/a.jpg", "metadata": {"n": 1}}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"metadata": {"n": 2, "s": "x"}}, True),
        ({"metadata": ATTACHED}, False),
        ({"image_url": "https://example.org/b.jpg"}, False),
        ({"image_url": "https://example.org/a.jpg?X-Amz-Date=1"}, False),
        ({"reference_id": "b"}, False),
    ],
)
def test_rows_use_the_same_urls_or_may_not(other: dict[str, Any], *, same: bool) -> None:
    more = ITEM | {"reference_id": "z", "image_url": "/z.jpg"}
    before, after = rows_of([ITEM, more]), rows_of([ITEM | other, more])
    assert use_the_same(before, after) == use_the_same(after, before) == same
    assert not use_the_same(before, rows_of([ITEM]))
    if same:
        assert uses_of(before, "canonical").equals(uses_of(after, "canonical"))


@pytest.mark.parametrize("number", [2**63 - 1, 2**64, -(2**64), 10**40, -(10**400), 0.1])
def test_numbers_inside_json_keep_every_digit_wherever_it_is_stored(number: Any) -> None:
    item = {
        "reference_id": "a",
        "image_url": URL,
        "metadata": {
            "context_attachments": [{"attachment": URL, "metadata": {"n": [number]}}],
            "camera_params": {"n": number},
            "other": {"n": number},
        },
        "more": {"n": number},
    }
    batch = rows_of([item])
    row = publish(batch, fields_of({"other": "json"}), cache_keys="canonical").frame.row(0, named=True)
    texts = [row["context_attachments"][0]["metadata"], row["camera_params"], row["metadata"]["other"], row["extra"]]
    assert texts == [
        canonical_json(value) for value in ({"n": [number]}, {"n": number}, {"n": number}, {"more": {"n": number}})
    ]


def test_numbers_of_annotations_keep_every_digit() -> None:
    geometry = {"vertices": [{"x": 2**53 + 1, "y": 2**70}, {"x": 0, "y": 1}, {"x": 1, "y": 1}]}
    given = {"type": "polygon", "label": "a", "geometry": geometry, "confidence": 0.5, "class_pdf": {"a": 2**70}}
    batch = rows_of([{"reference_id": "x", **given}], "predictions")
    row = publish(batch, {}, cache_keys="canonical").frame.row(0, named=True)
    assert [row["geometry"], row["class_pdf"]] == [canonical_json(geometry), canonical_json({"a": 2**70})]
