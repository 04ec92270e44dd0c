"""Hypothesis strategies for JSON values, metadata objects, raw records of each group, and batches made of them."""

import json
from typing import Any

import numpy as np
from hypothesis import strategies as st

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import tabulated
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.normalize.columns import Origin, batch
from transforms.kernels.normalize.normalize import normalize
from transforms.kernels.normalize.normalized import Normalized
from transforms.raw_records import RawRecords
from transforms.rules.export_rows import Group
from transforms.rules.policies import Mode
from transforms.rules.values import JsonObject

texts = st.one_of(
    st.sampled_from(["", "a", "rain", "02134", "true", "52.5", "é", "\u2028", "\x00", "\U0001f600", '"\\\n', " x "]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
keys = st.one_of(
    st.sampled_from(["a", "b", "A", "a.b", "", " ", "é", "int:a", "a:b", "name", "row", "reference_id", ":"]),
    st.sampled_from(["a\0b", "~", "~0\0~"]),
    texts,
)
doubles = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, 1e-7, 1e-5, 9.9e-5, 1e15, 1e16, 1e17, 1.5e300, 2.0**53, 2.0**63]),
)
longs = st.one_of(
    st.integers(-5, 5), st.sampled_from([-(2**63), 2**63 - 1, 2**53, 2**53 + 1]), st.integers(-(2**63), 2**63 - 1)
)
big_integers = st.sampled_from([2**63, -(2**63) - 1, 2**64 - 1, 2**64, -(2**64), 10**40, -(10**200)])
integers = st.one_of(longs, longs, big_integers)
scalars = st.one_of(st.none(), st.booleans(), integers, doubles, texts)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)
faulty_integers = st.sampled_from([10**309, -(10**400)])
"""Beyond the range of double (V7)."""

degrees = st.one_of(
    st.floats(-90, 90),
    st.integers(-90, 90),
    st.sampled_from(
        [52.5, 13, -0.0, 90, 95, 181.5, -180, 10**400, "52.5", " -0.1 ", "+13", "north", "1e1", True, None]
    ),
    st.just([1]),
)
urls = st.sampled_from(
    [
        "https://example.org/a.jpg",
        "HTTPS://Example.org:443/b/../a.jpg#x",
        "s3://bucket/a b.png",
        "gcs://bucket/a",
        "/data/a.jpg",
        "https://example.org/cloud.json",
    ]
)
any_urls = st.one_of(urls, urls, st.sampled_from(["", "http://", "ftp://example.org/a", "nonsense", None, 7]))
attachment_values = st.one_of(
    st.sampled_from([None, [], "x", {}]),
    st.lists(
        st.fixed_dictionaries(
            {"attachment": any_urls},
            optional={
                "frame": st.sampled_from([0, 3, -1, True, None, "1", 2**63]),
                "dims": st.sampled_from([{"width": 4, "height": 3.5}, {"width": 0, "height": 1}, {"width": 1}, None]),
                "camera_position": st.sampled_from([{"x": 1, "y": -2.5, "z": 0}, {"x": 1}, [1, 2, 3], None]),
                "metadata": st.sampled_from([None, {}, {"a": [True, 1.5]}, []]),
                "note": st.just("kept"),
            },
        ),
        max_size=2,
    ),
)


def metadata_objects(values: st.SearchStrategy[Any] = json_values) -> st.SearchStrategy[JsonObject]:
    """Metadata objects; coordinates and reserved keys are often among the fields, sound or not."""
    special = st.fixed_dictionaries(
        {},
        optional={
            "lat": degrees,
            "lon": degrees,
            "latitude": degrees,
            "longitude": degrees,
            "context_attachments": attachment_values,
            "camera_params": st.sampled_from([None, {}, {"fx": 1.5}, 3]),
        },
    )
    plain = st.dictionaries(keys, values, max_size=4)
    pair = st.builds(lambda a, b: {"lat": a, "lon": b}, st.floats(-90, 90), st.floats(-180, 180))
    return st.one_of(plain, st.builds(lambda a, b: a | b, plain, pair), st.builds(lambda a, b: a | b, plain, special))


metadata_values = st.one_of(metadata_objects(), metadata_objects(), st.sampled_from([None, {}, [], "x", 3]))
reference_ids = st.one_of(st.sampled_from(["a", "b", "c", "d"]), texts, st.sampled_from([None, 3]))
_number = st.one_of(longs, doubles, st.sampled_from([None, True, "1", 10**400]))
_text = st.one_of(texts, texts, st.sampled_from([None, 1, []]))


item_records = st.one_of(
    st.fixed_dictionaries(
        {"reference_id": st.sampled_from(["a", "b", "c"]), "image_url": urls},
        optional={"metadata": metadata_objects(scalars), "width": longs, "height": doubles},
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "reference_id": reference_ids,
            "ref_id": reference_ids,
            "image_url": any_urls,
            "url": any_urls,
            "pointcloud_url": any_urls,
            "width": _number,
            "height": _number,
            "type": st.sampled_from(["image", "pointcloud", None, 3]),
            "camera_params": st.sampled_from([None, {"fx": 1}, "x"]),
            "metadata": metadata_values,
            "other": json_values,
        },
    ),
)
_sensor_frames = st.dictionaries(st.sampled_from(["cam", "top"]), st.one_of(item_records, st.just(3)), max_size=2)
scene_records = st.fixed_dictionaries(
    {"reference_id": reference_ids},
    optional={
        "type": st.sampled_from(["lidar", "video", None, "x"]),
        "frames": st.one_of(
            st.none(),
            st.lists(_sensor_frames, max_size=2),
            st.lists(item_records, max_size=2),
            st.sampled_from([[3], {}]),
        ),
        "video_url": any_urls,
        "frame_rate": _number,
        "metadata": metadata_values,
        "other": json_values,
    },
)
_corners = st.fixed_dictionaries({"x": longs, "y": doubles, "width": longs, "height": doubles})
_geometries = st.one_of(
    _corners,
    st.fixed_dictionaries({}, optional={"x": _number, "y": _number, "width": _number, "height": _number}),
    st.fixed_dictionaries({"vertices": st.lists(st.fixed_dictionaries({"x": _number, "y": doubles}), max_size=2)}),
    st.sampled_from([None, [], {"keypoints": [{}]}, {"position": {"x": 1, "y": 2, "z": 3}, "dimensions": {}}]),
)
_box_keys: dict[str, st.SearchStrategy[Any]] = {
    "reference_id": st.sampled_from(["a", "b", "c"]),
    "type": st.just("box"),
    "label": texts,
    "geometry": _corners,
    "annotation_id": st.sampled_from(["1", "2"]),
}
_box_options: dict[str, st.SearchStrategy[Any]] = {
    "metadata": metadata_objects(scalars),
    "task_id": st.sampled_from([None, "t"]),
    "track_reference_id": st.sampled_from([None, "t"]),
    "embedding_vector": st.sampled_from([None, [1.5]]),
    "confidence": st.floats(0, 1),
}
annotation_records = st.one_of(
    st.fixed_dictionaries(_box_keys, optional=_box_options),
    st.fixed_dictionaries(
        {
            "reference_id": reference_ids,
            "type": st.sampled_from(
                ["box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "mask", "circle", None]
            ),
        },
        optional={
            "label": _text,
            "labels": st.sampled_from([None, [], ["x", "y"], [1], "x"]),
            "geometry": _geometries,
            "annotation_id": _text,
            "task_id": _text,
            "track_reference_id": _text,
            "taxonomy_name": _text,
            "mask_url": any_urls,
            "annotations": st.one_of(
                st.none(),
                st.just("x"),
                st.lists(
                    st.one_of(
                        st.just(3),
                        st.fixed_dictionaries(
                            {}, optional={"index": longs, "label": _text, "metadata": metadata_values, "other": texts}
                        ),
                    ),
                    max_size=3,
                ),
            ),
            "confidence": _number,
            "class_pdf": st.sampled_from([None, {"x": 0.5}, [1]]),
            "metadata": metadata_values,
            "other": json_values,
        },
    ),
)
records: dict[Group, st.SearchStrategy[Any]] = {
    "items": item_records,
    "scenes": scene_records,
    "annotations": annotation_records,
    "predictions": annotation_records,
}
BROKEN = (b"{", b"", b"3", b"[]", b"null", b'{"a": NaN}', b'{"a": 1e400}', b'"\\ud800"', b"\xff", b"[" * 2000)
"""Raw records that are none."""


def raw(value: object) -> bytes:
    """A record as it stands in an export."""
    return json.dumps(value, ensure_ascii=False).encode()


def normalized(
    values: list[Any],
    group: Group,
    *,
    model_run: str | None = None,
    export: int = 0,
    max_fields: int | None = None,
    mode: Mode = "append",
) -> Normalized:
    """What becomes of records that stand in one export, one line each."""
    lines = [value if isinstance(value, bytes) else raw(value) for value in values]
    offsets = np.cumsum([0] + [len(line) + 1 for line in lines])[:-1].astype(np.int64)
    origin = Origin(export, -1, offsets, np.arange(1, len(lines) + 1, dtype=np.int64))
    return normalize(
        RawRecords.of(lines), group=group, model_run=model_run, origin=origin, mode=mode, max_fields=max_fields
    )


def batch_of(metadata: list[JsonObject], *, group: Group = "items") -> Batch:
    """A batch of rows r0, r1, ... with these metadata objects, each at its position as offset."""
    count = len(metadata)
    origin = Origin(0, -1, np.arange(count, dtype=np.int64), np.arange(1, count + 1, dtype=np.int64))
    columns = {"reference_id": [f"r{row}" for row in range(count)]}
    return batch(group, dict(columns), metadata, origin.columns(range(count), [0] * count))


def metadata_of(made: Batch) -> list[JsonObject]:
    """The metadata objects that a batch holds, read value by value from its columns and cells."""
    return read_back(
        {name: made.rows[name] for name in made.rows.columns if ":" in name}, made.cells.to_dicts(), made.rows.height
    )


def tabulated_back(objects: list[JsonObject]) -> list[JsonObject]:
    """The objects after a way through columns and cells."""
    columns, cells = tabulated(objects)
    return read_back(columns, cells.to_dicts(), len(objects))


def read_back(columns: Any, cells: list[dict[str, Any]], height: int) -> list[JsonObject]:
    """Objects from the columns `FORM:KEY` and from cells; no row has one key twice."""
    found: list[JsonObject] = [{} for _ in range(height)]

    def put(row: int, key: str, form: str, value: Any) -> None:
        assert key not in found[row], f"row {row} holds {key!r} twice"
        read = {"json": json.loads, "big": int, "null": lambda _: None, "bool": bool}.get(form, lambda same: same)
        found[row][key] = read(value)

    for name, values in columns.items():
        form, key = ValueColumn.of(name) or ("", "")
        for row, value in enumerate(values.to_list()):
            if value is not None:
                put(row, key, form, value)
    for cell in cells:
        column = {"bool": "int", "int": "int", "float": "float", "null": "int"}.get(cell["form"], "text")
        assert [name for name in ("int", "float", "text") if cell[name] is not None] == [column]
        put(cell["row"], cell["key"], cell["form"], cell[column])
    return found
