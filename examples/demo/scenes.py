"""Made-up lidar and video scenes at the larger airports of one country."""

from collections.abc import Iterator, Sequence
from random import Random

from airport import Airport, Json, draws

COUNTRY = "DE"
SCENES_OF_A_KIND = 20
LIDAR_FRAMES, VIDEO_FRAMES = 3, 5
FRAME_RATE = 10
NIGHT_SHARE, MOVING_SHARE = 0.25, 0.5
WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
CAPTURES = "https://captures.example.org"


def scenes(airports: Sequence[Airport]) -> Iterator[dict[str, Json]]:
    """Yields lidar scenes at the country's first airports with an IATA code, then video scenes at the next ones."""
    sites = [airport for airport in airports if airport.country == COUNTRY and airport.iata]
    for airport in sites[:SCENES_OF_A_KIND]:
        yield _lidar(airport)
    for airport in sites[SCENES_OF_A_KIND : 2 * SCENES_OF_A_KIND]:
        yield _video(airport)


def _metadata(airport: Airport, rng: Random) -> dict[str, Json]:
    return {
        "airport": airport.icao,
        "weather": rng.choice(WEATHERS),
        "night": rng.random() < NIGHT_SHARE,
        "route_km": round(rng.uniform(0.5, 9.0), 3),
        "lat": airport.latitude,
        "lon": airport.longitude,
    }


def _lidar(airport: Airport) -> dict[str, Json]:
    """Returns a scene whose frames hold a point cloud and a camera image each."""
    rng = draws("lidar", airport)
    scene = f"lidar/{airport.icao}"
    frames: list[Json] = []
    for index in range(LIDAR_FRAMES):
        camera: dict[str, Json] = {
            "position": {"x": 1.5, "y": 0.0, "z": round(1.7 + index / 100, 2)},
            "heading": {"x": -0.5, "y": 0.5, "z": -0.5, "w": 0.5},
            "fx": 1266.4,
            "fy": 1266.4,
            "cx": 816.2,
            "cy": 491.5,
        }
        frames.append(
            {
                "lidar": {
                    "metadata": {"points": rng.randrange(80_000, 140_000), "speed": round(rng.uniform(0.0, 14.0), 3)},
                    "reference_id": f"{scene}/{index}/lidar",
                    "url": f"{CAPTURES}/{scene}/{index}.pcd",
                    "type": "pointcloud",
                },
                "front": {
                    "metadata": {"exposure_ms": rng.choice((2, 4, 4.5, 8)), "camera_params": camera},
                    "reference_id": f"{scene}/{index}/front",
                    "url": f"{CAPTURES}/{scene}/{index}.jpg",
                    "type": "image",
                    "camera_params": camera,
                },
            }
        )
    return {"reference_id": scene, "frames": frames, "metadata": _metadata(airport, rng)}


def _video(airport: Airport) -> dict[str, Json]:
    """Returns a scene of images in a row."""
    rng = draws("video", airport)
    scene = f"video/{airport.icao}"
    frames: list[Json] = [
        {
            "metadata": {"exposure_ms": rng.choice((2, 4, 4.5, 8)), "moving": rng.random() < MOVING_SHARE},
            "reference_id": f"{scene}/{index}",
            "url": f"{CAPTURES}/{scene}/{index}.jpg",
            "type": "image",
        }
        for index in range(VIDEO_FRAMES)
    ]
    return {
        "reference_id": scene,
        "frame_rate": FRAME_RATE,
        "metadata": _metadata(airport, rng),
        "upload_to_scale": True,
        "frames": frames,
    }
