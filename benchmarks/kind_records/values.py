"""Values that records of several kinds have: types, words, metadata, the parameters of a camera."""

from random import Random
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Record: TypeAlias = dict[str, Json]

WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty")
CLASSES = ("car", "truck", "bus", "cyclist", "pedestrian")
BASE_SHARE = 10
"""Annotations for each item or scene that they refer to."""


def metadata(rng: Random) -> Record:
    """Metadata of eight fields."""
    return {
        "site": rng.choice(WORDS),
        "crew": rng.choice(CLASSES),
        "wet": rng.randrange(4) == 0,
        "shift": rng.randrange(9),
        "pace": rng.random() * 40,
        "serial": f"{rng.getrandbits(40):010X}",
        "lat": rng.uniform(-90, 90),
        "lon": rng.uniform(-180, 180),
    }


def camera(rng: Random) -> Record:
    """The parameters of a camera."""
    return {
        "position": {"x": rng.random(), "y": 0.0, "z": 1.7},
        "heading": {"x": -0.5, "y": rng.random(), "z": -0.5, "w": 0.5},
        "fx": 1266.4,
        "fy": 1266.4,
        "cx": 816.2 + rng.random(),
        "cy": 491.5,
        "camera_model": "brown_conrady",
        "k1": rng.random(),
        "p1": 0.0009,
    }
