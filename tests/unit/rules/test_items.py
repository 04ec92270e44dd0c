"""Items: G4, G6, I1, A2, K3, K4, R1."""

from typing import Any

import pytest
from hypothesis import given
from support.strategies import item_records

from transforms.rules.items import Item, item
from transforms.rules.rejections import Fault

URL = "https://example.org/a.jpg"


def accepted(record: Any) -> Item:
    found = item(record)
    assert isinstance(found, Item), found
    return found


def test_a_whole_item() -> None:
    found = accepted(
        {
            "reference_id": "a",
            "image_url": "HTTPS://example.org/a.jpg",
            "width": 640,
            "height": 480.5,
            "camera_params": {"fx": 1},
            "metadata": {"lat": "1", "lon": 2},
            "license": "cc0",
            "nothing": None,
        }
    )
    assert (found.reference_id, found.image_url, found.pointcloud_url) == ("a", "HTTPS://example.org/a.jpg", None)
    assert found.url == URL
    assert (found.width, found.height, found.camera_params) == (640.0, 480.5, {"fx": 1})
    assert found.metadata.fields == {"lat": 1.0, "lon": 2}
    assert found.extra == {"license": "cc0"}


@pytest.mark.parametrize("identity", [None, "", 3, True, ["a"]])
def test_a_reference_id_is_a_non_empty_string(identity: Any) -> None:
    fault = item({"reference_id": identity, "image_url": URL})
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == ("invalid_reference_id", "reference_id")


def test_a_response_names_the_reference_id_otherwise() -> None:
    assert accepted({"ref_id": "a", "original_url": URL, "scale_url": "https://example.org/b.jpg"}) == Item(
        "a", URL, None, URL, None, None, None, accepted({"reference_id": "a", "url": URL}).metadata,
        {"scale_url": "https://example.org/b.jpg"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "pointcloud"),
    [
        ({"image_url": "https://example.org/a.json"}, False),
        ({"pointcloud_url": URL}, True),
        ({"url": URL}, False),
        ({"url": "https://example.org/a.json"}, True),
        ({"url": "https://example.org/a.json", "type": "image"}, False),
        ({"url": URL, "type": "pointcloud"}, True),
        ({"image_url": None, "processed_url": URL}, False),
        ({"image_url": "", "pointcloud_url": URL}, True),
    ],
)
def test_an_image_or_a_point_cloud(keys: dict[str, Any], pointcloud: bool) -> None:
    found = accepted({"reference_id": "a", **keys})
    location = next(value for key, value in keys.items() if key.endswith("url") and value)
    assert (found.image_url, found.pointcloud_url) == ((None, location) if pointcloud else (location, None))


def test_the_url_first_uploaded_is_the_one_that_counts_and_the_others_are_kept() -> None:
    found = accepted({"reference_id": "a", "processed_url": "https://x.org/p", "original_image_url": URL})
    assert (found.image_url, found.extra) == (URL, {"processed_url": "https://x.org/p"})


def test_a_type_has_no_column_and_is_kept() -> None:
    assert accepted({"reference_id": "a", "url": URL, "type": "thermal"}).extra == {"type": "thermal"}


@pytest.mark.parametrize(
    ("keys", "code", "field"),
    [
        ({}, "missing_url", "image_url"),
        ({"image_url": None}, "missing_url", "image_url"),
        ({"image_url": "", "url": ""}, "missing_url", "image_url"),
        ({"image_url": 7}, "invalid_field", "image_url"),
        ({"image_url": "ftp://example.org/a"}, "invalid_url", "image_url"),
        ({"url": "https://"}, "invalid_url", "url"),
        ({"image_url": URL, "width": "640"}, "invalid_field", "width"),
        ({"image_url": URL, "height": True}, "invalid_field", "height"),
        ({"image_url": URL, "height": 10**400}, "invalid_field", "height"),
        ({"image_url": URL, "camera_params": []}, "invalid_field", "camera_params"),
        ({"image_url": URL, "type": 3}, "invalid_field", "type"),
        ({"image_url": URL, "metadata": []}, "invalid_metadata", "metadata"),
        ({"image_url": URL, "metadata": {"lat": 91, "lon": 0}}, "coordinate_out_of_range", "metadata.lat"),
    ],
)
def test_faults(keys: dict[str, Any], code: str, field: str) -> None:
    fault = item({"reference_id": "a", **keys})
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)
    assert fault.message.startswith("expected ")


@given(item_records)
def test_no_incoming_value_is_lost(record: dict[str, Any]) -> None:
    before = repr(record)
    found = item(record)
    assert repr(record) == before
    if isinstance(found, Item):
        location = found.image_url if found.pointcloud_url is None else found.pointcloud_url
        used = next(key for key, value in record.items() if value == location and key not in found.extra)
        columns = {"reference_id", "ref_id", "width", "height", "camera_params", "metadata", used}
        given_keys = {key for key, value in record.items() if value is not None}
        assert given_keys - columns == set(found.extra)
        assert all(found.extra[key] == record[key] for key in found.extra)
