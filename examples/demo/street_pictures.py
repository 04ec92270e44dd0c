"""Pictures of the street views: the image of a camera, the distances on it, the points of a lidar."""

from math import exp

from pictures import Color, Picture
from streets import CAMERA_HEIGHT, FOCAL, HEIGHT, HORIZON, SIZES, WIDTH, Street, Thing, draws, road

TOP_SIZE, TOP_SCALE = 240, 5.0
"""Pixels of a top view along a side, and per metre."""
PAINTS: dict[str, Color] = {
    "blue": (50, 90, 170),
    "green": (60, 130, 80),
    "red": (190, 50, 45),
    "white": (225, 225, 220),
    "yellow": (225, 180, 50),
}
WHITE: Color = (255, 255, 255)
NIGHT, FOG_RANGE, FOG = 0.38, 28.0, 190
"""Share of the light that a night leaves; metres in which fog takes most of a color away, and its own brightness."""
DASHES = (4.5, 6.5, 10.0, 16.0, 28.0)
"""Metres from the camera to the dashes in the middle of the road."""
DROPS = {"rain": (1, 12), "snow": (3, 3)}
"""Width and height of what falls, in pixels."""
DROPS_COUNT = 120
GROUND_POINTS, THING_POINTS = 200, 30


def camera(street: Street) -> Picture:
    """Returns the image of the camera."""
    picture = Picture.blank(WIDTH, HEIGHT, _tinted(street, (90, 120, 80), 40.0))
    picture.rectangle(0, 0, WIDTH, HORIZON, _sky(street))
    if street.weather == "clear":
        picture.ellipse(520, 25, 44, 44, (235, 235, 215) if street.night else (250, 220, 110))
    if street.weather == "cloudy":
        for x, y, width in ((60, 30, 150), (240, 60, 120), (430, 25, 170)):
            picture.ellipse(x, y, width, 40, _tinted(street, (225, 228, 232), 5.0))
    picture.polygon(road(), _tinted(street, (95, 95, 100), 12.0))
    for near in DASHES:
        (wide, bottom), (narrow, top) = (_half_dash(distance) for distance in (near, near * 1.25))
        middle = WIDTH / 2
        corners = [(middle - wide, bottom), (middle + wide, bottom), (middle + narrow, top), (middle - narrow, top)]
        picture.polygon(corners, _tinted(street, (235, 235, 225), near))
    for thing in _far_to_near(street):
        _draw(picture, street, thing)
    if street.weather in DROPS:
        rng = draws("drops", street.name)
        for _ in range(DROPS_COUNT):
            picture.rectangle(rng.randrange(WIDTH), rng.randrange(HEIGHT), *DROPS[street.weather], (215, 222, 232))
    picture.text(66, 10, f"{street.weather} {'night' if street.night else 'day'}".upper(), WHITE)
    return picture


def depth(street: Street) -> Picture:
    """Returns the distances on the image of the camera, at half its size: the nearer, the brighter."""
    picture = Picture.blank(WIDTH // 2, HEIGHT // 2, (0, 0, 0))
    for row in range(int(HORIZON), HEIGHT, 10):
        picture.rectangle(0, row / 2, WIDTH / 2, 5, _shade(CAMERA_HEIGHT * FOCAL / (row + 5 - HORIZON)))
    for thing in _far_to_near(street):
        x, y, width, height = (each / 2 for each in thing.box())
        picture.rectangle(x, y, width, height, _shade(thing.distance))
    picture.text(34, 6, "DEPTH", WHITE, size=2)
    return picture


def points(street: Street) -> list[tuple[float, float, float]]:
    """Returns the points of the lidar in metres: to the right, ahead, and up from the road."""
    rng = draws("points", street.name)
    found = [(rng.uniform(-8.0, 8.0), rng.uniform(3.0, 44.0), 0.0) for _ in range(GROUND_POINTS)]
    for thing in street.things:
        width, height = SIZES[thing.label]
        for _ in range(THING_POINTS):
            across, ahead, up = rng.uniform(-width / 2, width / 2), rng.uniform(0.0, 0.3), rng.uniform(0.2, height)
            found.append((thing.offset + across, thing.distance + ahead, up))
    return [(round(x, 3), round(y, 3), round(z, 3)) for x, y, z in found]


def top_view(street: Street) -> Picture:
    """Returns the points of the lidar as seen from above, the camera at the bottom."""
    picture = Picture.blank(TOP_SIZE, TOP_SIZE, (12, 14, 20))
    for x, y, z in points(street):
        color = (240, 190, 70) if z else (70, 95, 120)
        picture.rectangle(TOP_SIZE / 2 + x * TOP_SCALE - 1, TOP_SIZE - y * TOP_SCALE - 1, 2, 2, color)
    picture.text(8, 36, "TOP", WHITE, size=2)
    return picture


def point_cloud(street: Street) -> str:
    """Returns the points of the lidar as a file of the Point Cloud Library (PCD, ASCII)."""
    rows = points(street)
    head = (
        "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
        f"WIDTH {len(rows)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(rows)}\nDATA ascii\n"
    )
    return head + "".join(f"{x} {y} {z}\n" for x, y, z in rows)


def _far_to_near(street: Street) -> list[Thing]:
    return sorted(street.things, key=lambda thing: -thing.distance)


def _half_dash(distance: float) -> tuple[float, float]:
    """Returns half the width of a dash at a distance, and its row."""
    return 0.08 * FOCAL / distance, HORIZON + CAMERA_HEIGHT * FOCAL / distance


def _sky(street: Street) -> Color:
    if street.weather == "clear":
        return (18, 24, 48) if street.night else (130, 185, 230)
    return _tinted(street, (170, 178, 186), 60.0)


def _tinted(street: Street, color: Color, distance: float) -> Color:
    """Returns a color as it is seen from a distance in metres, through the weather and the night."""
    seen = exp(-distance / FOG_RANGE) if street.weather == "fog" else 1.0
    light = NIGHT if street.night else 1.0
    red, green, blue = (round(light * (seen * part + (1.0 - seen) * FOG)) for part in color)
    return red, green, blue


def _draw(picture: Picture, street: Street, thing: Thing) -> None:
    x, y, width, height = thing.box()
    paint, dark, glass, skin = (
        _tinted(street, color, thing.distance)
        for color in (PAINTS[thing.color], (25, 25, 28), (150, 185, 200), (225, 185, 155))
    )
    if thing.label == "pedestrian":
        picture.polygon(thing.outline(), paint)
        picture.ellipse(x + width * 0.25, y, width * 0.5, height * 0.2, skin)
        return
    for left in (0.08, 0.72):
        picture.rectangle(x + left * width, y + 0.8 * height, 0.2 * width, 0.2 * height, dark)
    if thing.label == "truck":
        picture.rectangle(x, y, width, 0.88 * height, paint)
        picture.rectangle(x + 0.47 * width, y + 0.05 * height, 0.06 * width, 0.7 * height, dark)
    else:
        roof = [(0.2, 0.0), (0.8, 0.0), (1.0, 0.45), (0.0, 0.45)]
        picture.polygon([(x + across * width, y + down * height) for across, down in roof], paint)
        picture.rectangle(x + 0.24 * width, y + 0.1 * height, 0.52 * width, 0.3 * height, glass)
        picture.rectangle(x, y + 0.45 * height, width, 0.43 * height, paint)
    for left in (0.04, 0.82):  # lamps shine at night as by day
        picture.rectangle(x + left * width, y + 0.6 * height, 0.14 * width, 0.1 * height, (235, 40, 30))


def _shade(distance: float) -> Color:
    level = round(255 * min(1.0, 4.0 / distance))
    return level, level, level
