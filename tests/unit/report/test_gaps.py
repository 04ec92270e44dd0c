"""Where fields are missing, by the sensor of items and the type of scenes (insights page)."""

from pathlib import Path
from typing import Any

import pytest
from support.in_process import ingest
from support.runs import an_item, ndjson

from pipelines.dataset.versions import Dataset, Version
from pipelines.report.gaps import Kind, gaps


def frame(index: int, sensors: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        **{
            name: {
                "reference_id": f"{name}-{index}",
                "url": f"s3://b/{name}-{index}.{'json' if name == 'lidar' else 'jpg'}",
                "type": "pointcloud" if name == "lidar" else "image",
                "metadata": metadata,
            }
            for name, metadata in sensors.items()
        },
    }


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Four frames of a camera and a lidar, and two items without a sensor."""
    folder = Path(tmp_path_factory.mktemp("gaps"))
    frames = [
        frame(
            at,
            {
                "camera": {"exposure": at, "rare": at} if at else {"exposure": at},
                "lidar": {"points": at, "rare": None},
            },
        )
        for at in range(4)
    ]
    scenes = [{"reference_id": "drive", "frames": frames, "metadata": {"all": 1}}]
    items = [an_item(name, {"exposure": 1, "alone": 1} if name == "a" else {"exposure": 2}) for name in ("a", "b")]
    given = ("--items", f"{ndjson(folder / 'i.ndjson', items)}", "--scenes", f"{ndjson(folder / 's.ndjson', scenes)}")
    ended = ingest(folder / "d", *given, "--partitions", "2")
    assert ended.outcome == "published", ended.document
    assert not ended.rejections, ended.rejections
    return Dataset.at(f"{folder / 'd'}").published()


def test_a_field_that_one_sensor_lacks_says_so(version: Version) -> None:
    found = gaps(version, "items", version.schema()["groups"]["items"]["fields"])
    expected: dict[str, list[Kind]] = {
        "exposure": [("camera", 4, 0), ("lidar", 4, 4), (None, 2, 0)],
        "points": [("camera", 4, 4), ("lidar", 4, 0), (None, 2, 2)],
        "rare": [("camera", 4, 1), ("lidar", 4, 4), (None, 2, 2)],
        "alone": [("camera", 4, 4), ("lidar", 4, 4), (None, 2, 1)],
    }
    assert found == expected


def test_groups_whose_records_are_of_one_kind_say_nothing(version: Version) -> None:
    groups = version.schema()["groups"]
    assert gaps(version, "scenes", groups["scenes"]["fields"]) == {}
    assert gaps(version, "annotations", groups["annotations"]["fields"]) == {}
