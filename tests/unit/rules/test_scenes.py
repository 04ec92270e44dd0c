"""Scenes and their frames: G2, G6, I1, K4, R2."""

from typing import Any

import pytest

from transforms.rules.rejections import Fault
from transforms.rules.scenes import FrameItem, Scene, frame_items, scene, scene_type

URL = "https://example.org/v.mp4"
FRAME = {"reference_id": "f", "url": "https://example.org/f.json", "type": "pointcloud"}


def accepted(record: Any) -> Scene:
    found = scene(record)
    assert isinstance(found, Scene), found
    return found


def test_a_video_by_its_url() -> None:
    found = accepted(
        {
            "reference_id": "s",
            "video_url": "HTTPS://example.org/v.mp4",
            "frame_rate": 15,
            "upload_to_scale": False,
            "metadata": {"night": True},
        }
    )
    assert (found.type, found.video_url, found.url) == ("video", "HTTPS://example.org/v.mp4", URL)
    assert (found.frame_rate, found.frame_count) == (15.0, None)
    assert (found.metadata.fields, found.extra) == ({"night": True}, {"upload_to_scale": False})


def test_a_lidar_sequence_yields_one_item_a_sensor_and_frame_in_order() -> None:
    record = {"reference_id": "s", "frames": [{"top": FRAME, "cam": 3}, {}, {"top": {}}]}
    found = accepted(record)
    assert (found.type, found.frame_count, found.video_url) == ("lidar", 3, None)
    assert frame_items(record) == (  # type: ignore[arg-type]
        FrameItem("s", 0, "top", FRAME),  # type: ignore[arg-type]
        FrameItem("s", 0, "cam", 3),
        FrameItem("s", 2, "top", {}),
    )


def test_a_video_of_frames_yields_one_item_a_frame_without_a_sensor() -> None:
    record = {"reference_id": "s", "frames": [FRAME, None]}
    assert accepted(record).type == "video"
    assert frame_items(record) == (  # type: ignore[arg-type]
        FrameItem("s", 0, None, FRAME),  # type: ignore[arg-type]
        FrameItem("s", 1, None, None),
    )


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"type": "lidar", "video_url": URL}, "lidar"),
        ({"type": "video", "frames": [{"top": FRAME}]}, "video"),
        ({"frame_rate": 3}, "video"),
        ({"frames": [{"url": "x"}]}, "video"),
        ({"frames": [{"url": {"reference_id": "a"}}]}, "lidar"),
        ({"frames": []}, "lidar"),
        ({}, "lidar"),
    ],
)
def test_lidar_or_video(keys: dict[str, Any], kind: str) -> None:
    assert scene_type(keys) == kind


@pytest.mark.parametrize("keys", [{"frames": [{}]}, {"type": "lidar"}, {"type": "video", "frames": []}])
def test_what_a_listing_or_frames_show_needs_no_video(keys: dict[str, Any]) -> None:
    assert accepted({"reference_id": "s", **keys}).video_url is None


@pytest.mark.parametrize(
    ("record", "code", "field"),
    [
        ({"reference_id": ""}, "invalid_reference_id", "reference_id"),
        ({"reference_id": "s"}, "missing_url", "video_url"),
        ({"reference_id": "s", "frames": []}, "missing_url", "video_url"),
        ({"reference_id": "s", "video_url": ""}, "missing_url", "video_url"),
        ({"reference_id": "s", "video_url": 3}, "invalid_field", "video_url"),
        ({"reference_id": "s", "video_url": "nonsense"}, "invalid_url", "video_url"),
        ({"reference_id": "s", "video_url": URL, "type": "x"}, "unknown_type", "type"),
        ({"reference_id": "s", "video_url": URL, "frame_rate": "3"}, "invalid_field", "frame_rate"),
        ({"reference_id": "s", "video_url": URL, "frame_rate": True}, "invalid_field", "frame_rate"),
        ({"reference_id": "s", "frames": {}}, "invalid_field", "frames"),
        ({"reference_id": "s", "frames": [{}, 3]}, "invalid_field", "frames[1]"),
        ({"reference_id": "s", "frames": [{}], "metadata": 3}, "invalid_metadata", "metadata"),
    ],
)
def test_faults(record: Any, code: str, field: str) -> None:
    fault = scene(record)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)
    assert fault.message.startswith("expected ")


def test_the_frames_of_a_rejected_scene_have_a_fate_of_their_own() -> None:
    record = {"reference_id": "s", "frames": [{"top": FRAME}], "metadata": 3}
    assert isinstance(scene(record), Fault)  # type: ignore[arg-type]
    assert frame_items(record) == (FrameItem("s", 0, "top", FRAME),)  # type: ignore[arg-type]
