"""Made-up street views: what stands on the road before a camera, and where on its image."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

Point = tuple[float, float]

WIDTH, HEIGHT = 640, 400
"""Size of every camera image in pixels."""
FOCAL, HORIZON, CAMERA_HEIGHT = 400.0, 150.0, 2.5
"""Focal length in pixels, row of the horizon, and metres above the road."""
ROAD_HALF_WIDTH = 3.0
"""In metres."""
SIZES = {"car": (1.8, 1.5), "truck": (2.4, 3.2), "pedestrian": (0.6, 1.75)}
"""Label to width and height in metres."""
COLORS = ("blue", "green", "red", "white", "yellow")
PLACES = ((-1.5, 9.0), (1.5, 12.5), (-6.5, 15.0), (6.5, 18.0))
"""Offset and distance of the vehicles, in metres: two drive, the others are parked."""
PAVEMENTS = ((3.7, 10.0), (-3.7, 14.0))
"""Likewise of pedestrians."""
FRAMES = 3
STREETS = (
    ("clear", False, 13.9, (2, 1, 1)),
    ("clear", True, 11.2, (1, 1, 0)),
    ("cloudy", False, 14.5, (3, 0, 2)),
    ("cloudy", False, 8.3, (1, 2, 1)),
    ("rain", False, 9.75, (2, 1, 0)),
    ("rain", True, 7.5, (2, 0, 1)),
    ("snow", False, 6.0, (1, 1, 1)),
    ("fog", False, 8.0, (2, 1, 1)),
    ("fog", True, 5.5, (1, 2, 0)),
    ("fog", True, 4.25, (0, 3, 1)),
    ("fog", True, 6.75, (2, 2, 1)),
    ("fog", True, 7.0, (2, 0, 2)),
)
"""Weather, night, speed, and how many cars, trucks and pedestrians: three foggy nights have two trucks or more."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A car, truck or pedestrian; `offset` (to the right) and `distance` are metres from the camera."""

    name: str
    label: str
    color: str
    offset: float
    distance: float

    def box(self) -> tuple[float, float, float, float]:
        """Returns x, y, width and height on the image, in pixels."""
        scale = FOCAL / self.distance
        width, height = (side * scale for side in SIZES[self.label])
        bottom = HORIZON + CAMERA_HEIGHT * scale
        left = WIDTH / 2 + self.offset * scale - width / 2
        return round(left, 2), round(bottom - height, 2), round(width, 2), round(height, 2)

    def outline(self) -> list[Point]:
        """Returns the corners of a person on the image, in pixels: head, shoulders and feet."""
        x, y, width, height = self.box()
        shares = ((0.3, 0.0), (0.7, 0.0), (1.0, 0.25), (0.85, 1.0), (0.15, 1.0), (0.0, 0.25))
        return [(round(x + across * width, 2), round(y + down * height, 2)) for across, down in shares]


@dataclass(frozen=True, slots=True)
class Street:
    """What a camera sees; the speed is its own, in metres per second."""

    name: str
    weather: str
    night: bool
    speed: float
    things: tuple[Thing, ...]

    def is_visible(self, thing: Thing) -> bool:
        """Tells whether no nearer thing hides half of the box of this one."""
        x, y, width, height = thing.box()
        hidden = 0.0
        for other in self.things:
            if other.distance < thing.distance:
                left, top, across, down = other.box()
                overlap = max(0.0, min(x + width, left + across) - max(x, left))
                hidden = max(hidden, overlap * max(0.0, min(y + height, top + down) - max(y, top)))
        return hidden < width * height / 2


def road() -> list[Point]:
    """Returns the corners of the road on every image, in pixels: a trapezoid up to the horizon."""
    near = ROAD_HALF_WIDTH * (HEIGHT - HORIZON) / CAMERA_HEIGHT
    middle = WIDTH / 2
    return [(middle - 4, HORIZON), (middle + 4, HORIZON), (middle + near, HEIGHT), (middle - near, HEIGHT)]


def streets() -> Iterator[Street]:
    """Yields the dozen of STREETS."""
    for number, (weather, night, speed, counts) in enumerate(STREETS, start=1):
        name = f"{number:02d}"
        yield Street(name, weather, night, speed, _things(name, *counts))


def drive() -> Iterator[Street]:
    """Yields the frames of one drive, in which the camera comes nearer to what is ahead."""
    things = _things("drive", 2, 1, 1)
    for index in range(FRAMES):
        nearer = tuple(replace(each, distance=round(each.distance - 1.2 * index, 2)) for each in things)
        yield Street(f"{index}", "fog", night=False, speed=round(12.0 - 0.4 * index, 1), things=nearer)


def draws(purpose: str, name: str) -> Random:
    """Returns the random numbers of a street for one purpose, the same ones on every run."""
    return Random(f"{purpose} {name}")  # noqa: S311 - made-up data, no secrets


def _things(name: str, cars: int, trucks: int, pedestrians: int) -> tuple[Thing, ...]:
    rng = draws("things", name)
    vehicles = ["car"] * cars + ["truck"] * trucks
    rng.shuffle(vehicles)
    labels = [*vehicles, *["pedestrian"] * pedestrians]
    places = [*PLACES[: len(vehicles)], *PAVEMENTS[:pedestrians]]
    return tuple(
        Thing(
            name=f"{label}-{number}",
            label=label,
            color=rng.choice(COLORS),
            offset=round(offset + rng.uniform(-0.2, 0.2), 2),
            distance=round(distance + rng.uniform(-0.8, 0.8), 2),
        )
        for number, (label, (offset, distance)) in enumerate(zip(labels, places, strict=True), start=1)
    )
