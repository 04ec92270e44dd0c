"""Scenes that are taken apart as text are what the rules make of them, whatever is beside them: G2, R2, F2, V6, V7."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.by_the_rules import check_by_the_rules
from support.profiles import draws
from support.strategies import raw

from transforms.kernels.normalize.opened_scenes import open_scenes
from transforms.raw_records import RawRecords

ITEM = '{"reference_id": "i", "url": "s3://bucket/a.jpg", "metadata": {"n": %s}}'
FRAMES = [
    ITEM % "1.0", ITEM % "NaN", ITEM % "1e999", ITEM % ("9" * 25), ITEM % ("9" * 400), ITEM % '"\\ud800"', ITEM % "01",
    ITEM % '{"a": 1, "a": 2}', '{"reference_id": "", "url": "/a"}', '{"url": "ftp://x", "reference_id": "u"}', "3",
    "null", "[]", "{}", '{"reference_id": "a", "reference_id": "b", "url": "/b"}', '{"reference_id": {}, "url": "/b"}',
    '{\n "reference_id": "l",\n "url": "/b"\n}',
]  # fmt: skip
HEADS = [
    '"reference_id": "s"', '"ref_id": "é"', '"reference_id": ""', '"reference_id": "s", "type": "video"',
    '"reference_id": "s", "type": "lidar"', '"reference_id": "s", "frame_rate": 5',
    '"reference_id": "s", "frame_rate": "x"', '"reference_id": "s", "100 %b of %": {"%": 1}',
    '"reference_id": "s", "upload_to_scale": null, "note": [18446744073709551617]', '"reference_id": "s", "type": "x"',
    '"reference_id": "s", "metadata": {"lat": 95, "lon": 1}', '"reference_id": "s", "note": NaN', '"x": {',
    '"reference_id": "s", "video_url": "ftp://x"', '"reference_id": "s", "frames": 3',
]  # fmt: skip
sensors = st.lists(st.tuples(st.sampled_from(["top", "é", "top", "url"]), st.sampled_from(FRAMES)), max_size=3)
frame = st.one_of(
    st.sampled_from(FRAMES), sensors.map(lambda each: "{" + ", ".join(f'"{name}": {of}' for name, of in each) + "}")
)
frames = st.lists(frame, max_size=3).map(lambda each: f"[{' , '.join(each)}]")
scene = st.tuples(st.sampled_from(HEADS), st.one_of(frames, st.sampled_from(["null", "{}", "[", "3"]))).map(
    lambda parts: f'{{"frames": {parts[1]}, {parts[0]}}}'.encode(errors="surrogatepass")
)


@draws(150)
@given(st.lists(scene, min_size=1, max_size=5))
def test_scenes_agree_with_the_rules_whatever_is_beside_them(values: list[bytes]) -> None:
    check_by_the_rules(values, "scenes")


def test_only_scenes_that_are_certain_are_taken_apart() -> None:
    item: Any = {"reference_id": "i", "url": "s3://bucket/a.jpg"}
    values: list[Any] = [
        {"reference_id": "a", "frames": [{"top": item, "front": item}, {"top": item}]},
        {"reference_id": "b", "frame_rate": 5, "frames": [item, 3]},
        {"reference_id": "c", "frames": [{"top": item}, 3]},
        {"reference_id": "d", "frames": []},
        {"reference_id": 4, "frames": [item]},
        {"scene": {"reference_id": "e", "frames": [item]}},
        {"reference_id": "f", "frames": [item], "note": 10**400},
        {"reference_id": "g", "video_url": "s3://bucket/v.mp4"},
    ]
    opened = open_scenes(RawRecords.of(map(raw, values)), range(len(values)))
    assert opened.positions == [0, 1]
    assert [record["reference_id"] for record in opened.records] == ["a", "b"]
    assert list(map(json.loads, opened.items)) == [item] * 4 + [3]
    frames = opened.frames
    assert (frames.owners.tolist(), frames.parts.tolist()) == ([0, 0, 0, 1, 1], [1, 2, 3, 1, 2])
    assert frames.indexes.to_list() == [0, 0, 1, 0, 1]
    assert frames.scenes.to_list() == ["a", "a", "a", "b", "b"]
    assert frames.sensors.to_list() == ["top", "front", "top", None, None]


@pytest.mark.parametrize("broken", [b'"\xff"', b"nul", b'"\x01"', b"[1,]", b"-"])
def test_a_scene_with_a_frame_that_is_no_json_is_rejected_whole(broken: bytes) -> None:
    sound = b'{"reference_id": "s", "frames": [{"reference_id": "i", "url": "/a"}]}'
    check_by_the_rules([sound, sound.replace(b'"/a"', b'"/a", "x": ' + broken), sound], "scenes")
