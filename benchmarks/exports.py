"""Generator of NDJSON exports for the benchmarks: seeded, streamed, the same bytes on every run.

    python benchmarks/exports.py --items 1000000 --annotations 200000 --out DIR [--seed 1] [--files 4]
    python benchmarks/exports.py --wide --out DIR

A shorter export is a prefix of a longer one of the same seed, and the parts of a split export, one after the other,
are the export in one file. Lines are put together with f-strings: encoding a dict per record would be most of the time.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random

WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
CITIES = (
    "Berlin",
    "Z\\u00fcrich",
    "Lyon",
    "Oslo",
    "Porto",
    "Tokyo",
    "Austin",
    "Nairobi",
)  # as a JSON writer escapes them
CAMERAS = ("front_left", "front_right", "rear", "roof")
COLOURS = ("white", "black", "grey", "red", "blue", "green")
LABELS = ("car", "truck", "bus", "cyclist", "pedestrian")
QUALITIES = ("sharp", "blurred", "overexposed")
DATES = tuple(
    f"{2023 + year}-{month:02d}-{day:02d}" for year in range(3) for month in range(1, 13) for day in range(1, 29)
)
SERIAL_DIGITS = "0123456789ABCDEFGHJKLMNPRSTUVWXY"
SERIAL_PAIRS = tuple(first + second for first in SERIAL_DIGITS for second in SERIAL_DIGITS)

MISSING_SHARE, NULL_SHARE = 0.1, 0.02
CATEGORY_SHARE, POLYGON_SHARE = 0.05, 0.1

ITEMS = 1_000_000
WIDE_RECORDS = 100_000
WIDE_FIELDS = 2_000
WIDE_FIELDS_PER_RECORD = 20
WIDE_KINDS = ("int", "float", "string", "bool")
"""Kind of the values of wide field number N: `WIDE_KINDS[N % 4]`."""

BUFFER_BYTES = 1 << 20


def item_reference(index: int) -> str:
    """Returns the reference id of the item at `index`, counted from 0."""
    return f"drive-{index:08d}"


def item_lines(count: int, seed: int = 1) -> Iterator[bytes]:
    """Yields `count` image items of about 360 bytes, one JSON object and LF each.

    Twelve metadata fields: `speed` mixes int and float, `serial` is almost always another string, `temperature` is
    missing in a tenth of the records and null in a fiftieth, the rest is always there and of one kind.
    """
    rng = Random(f"items {seed}")
    uniform, bits = rng.random, rng.getrandbits
    pairs = SERIAL_PAIRS
    for index in range(count):
        draw = bits(62)  # one draw, cut into the small numbers below
        weather = WEATHERS[(draw & 0xFF) % 5]
        city = CITIES[draw >> 8 & 7]
        camera = CAMERAS[draw >> 11 & 3]
        night = "true" if draw >> 13 & 3 == 0 else "false"
        lane = draw >> 15 & 3
        gear = (draw >> 17 & 0xFF) % 7
        date = DATES[(draw >> 25 & 0xFFFF) % 1008]
        digits = bits(40)
        serial = pairs[digits & 1023] + pairs[digits >> 10 & 1023] + pairs[digits >> 20 & 1023] + pairs[digits >> 30]
        speed = repr(uniform() * 40.0) if draw >> 41 & 15 else "0"
        share = uniform()
        if share < MISSING_SHARE:
            temperature = ""
        elif share < MISSING_SHARE + NULL_SHARE:
            temperature = '"temperature": null, '
        else:
            temperature = f'"temperature": {share * 60.0 - 20.0:.1f}, '
        yield (
            f'{{"metadata": {{"weather": "{weather}", "city": "{city}", "camera": "{camera}", "serial": "{serial}", '
            f'"night": {night}, "gear": {gear}, "speed": {speed}, {temperature}"ego": {{"lane": {lane}}}, '
            f'"date": "{date}", "lat": {uniform() * 180.0 - 90.0!r}, "lon": {uniform() * 360.0 - 180.0!r}}}, '
            f'"reference_id": "drive-{index:08d}", '
            f'"image_url": "https://images.example.org/fleet/{index >> 12:05d}/{index:08d}.jpg"}}\n'
        ).encode("ascii")


def update_lines(count: int, seed: int = 1, *, every: int = 100) -> Iterator[bytes]:
    """Yields other metadata for one in `every` of the items of `item_lines(count, seed)`, spread over all of them."""
    return islice(item_lines(count, seed + 1), 0, None, every)


def annotation_lines(count: int, items: int, seed: int = 1) -> Iterator[bytes]:
    """Yields `count` annotations on the items of `item_lines(items)`: 85 % boxes, 10 % polygons, 5 % categories.

    Identities are distinct: boxes and polygons by their id, categories by going round the items and taking another
    taxonomy with each round (RULES I2).

    Raises:
        ValueError: if there are annotations but no items to put them on.
    """
    if count > 0 and items < 1:
        raise ValueError(f"{count} annotations need at least one item, got {items}")
    rng = Random(f"annotations {seed}")
    uniform, bits = rng.random, rng.getrandbits
    categories = 0
    for index in range(count):
        draw = bits(40)
        share = uniform()
        if share < CATEGORY_SHARE:
            turn, target = divmod(categories, items)
            categories += 1
            yield (
                f'{{"label": "{QUALITIES[draw % 3]}", "type": "category", "geometry": {{}}, '
                f'"reference_id": "{item_reference(target)}", "metadata": {{"occluded": false, "truncation": 0, '
                f'"points": {draw >> 8 & 255}}}, "track_reference_id": null, "task_id": null, '
                f'"taxonomy_name": "quality-{turn}"}}\n'
            ).encode("ascii")
            continue
        x, y = draw & 1023, draw >> 10 & 511
        width, height = 8.0 + uniform() * 400.0, 8.0 + uniform() * 300.0
        if share < CATEGORY_SHARE + POLYGON_SHARE:
            kind = "polygon"
            geometry = (
                f'{{"vertices": [{{"x": {x}, "y": {y}}}, {{"x": {x + width!r}, "y": {y}}}, '
                f'{{"x": {x}, "y": {y + height!r}}}]}}'
            )
        else:
            kind = "box"
            geometry = f'{{"x": {x}, "y": {y}, "width": {width!r}, "height": {height!r}}}'
        yield (
            f'{{"label": "{LABELS[(draw >> 19 & 255) % 5]}", "type": "{kind}", "geometry": {geometry}, '
            f'"reference_id": "{item_reference(int(uniform() * items))}", "annotation_id": "{kind}-{index:08d}", '
            f'"metadata": {{"occluded": {"true" if draw >> 27 & 3 == 0 else "false"}, "truncation": {uniform()!r}, '
            f'"colour": "{COLOURS[(draw >> 29 & 255) % 6]}", "points": {draw >> 37 & 7}}}, '
            f'"track_reference_id": null, "task_id": null}}\n'
        ).encode("ascii")


def wide_lines(count: int = WIDE_RECORDS, seed: int = 1) -> Iterator[bytes]:
    """Yields `count` image items with 20 metadata fields each, drawn from 2,000 (as many as R5 lets pass)."""
    rng = Random(f"wide {seed}")
    fields = range(WIDE_FIELDS)
    for index in range(count):
        metadata = ", ".join(
            f'"channel_{field:04d}": {_wide_value(field, rng)}' for field in rng.sample(fields, WIDE_FIELDS_PER_RECORD)
        )
        yield (
            f'{{"metadata": {{{metadata}}}, "reference_id": "wide-{index:08d}", '
            f'"image_url": "https://images.example.org/wide/{index:08d}.jpg"}}\n'
        ).encode("ascii")


def _wide_value(field: int, rng: Random) -> str:
    """Returns a value as JSON text, always of the one kind that the field has."""
    match WIDE_KINDS[field % 4]:
        case "int":
            return str(rng.getrandbits(16))
        case "float":
            return repr(rng.random())
        case "string":
            return f'"{COLOURS[rng.getrandbits(8) % 6]}"'
        case _:
            return "true" if rng.getrandbits(1) else "false"


def write(lines: Iterator[bytes], count: int, *, out: Path, name: str, files: int = 1) -> list[Path]:
    """Streams `count` lines into `out/NAME.ndjson`, or into `files` parts of nearly one size in the order of the lines.

    Returns:
        The paths, in order. Parts are called `NAME-00000-of-00004.ndjson`.

    Raises:
        ValueError: if `files` is less than 1.
    """
    if files < 1:
        raise ValueError(f"an export needs at least one file, got {files}")
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for part in range(files):
        path = out / (f"{name}.ndjson" if files == 1 else f"{name}-{part:05d}-of-{files:05d}.ndjson")
        with path.open("wb", buffering=BUFFER_BYTES) as sink:
            sink.writelines(islice(lines, count * (part + 1) // files - count * part // files))
        paths.append(path)
    return paths


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the exports that the command line asks for and prints one line for each file."""
    parser = argparse.ArgumentParser(
        description="Write NDJSON exports for benchmarks, the same ones for the same seed."
    )
    parser.add_argument("--items", type=int, help=f"image items ({ITEMS:,}; with --wide {WIDE_RECORDS:,})")
    parser.add_argument("--annotations", type=int, default=0, help="annotations on random items (0)")
    parser.add_argument("--wide", action="store_true", help=f"items with {WIDE_FIELDS:,} sparse fields instead")
    parser.add_argument("--files", type=int, default=1, help="parts that each export is split into (1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="directory, made if absent")
    options = parser.parse_args(arguments)
    if options.wide and options.annotations:
        parser.error("--annotations go with the items that are not --wide")
    items: int = options.items if options.items is not None else WIDE_RECORDS if options.wide else ITEMS
    if options.files < 1 or items < 0 or options.annotations < 0 or (options.annotations and not items):
        parser.error("--files must be 1 or more, --items and --annotations 0 or more, and annotations need items")
    lines = wide_lines(items, options.seed) if options.wide else item_lines(items, options.seed)
    name = "wide" if options.wide else "items"
    paths = write(lines, items, out=options.out, name=name, files=options.files)
    if options.annotations:
        annotations = annotation_lines(options.annotations, items, options.seed)
        paths += write(annotations, options.annotations, out=options.out, name="annotations", files=options.files)
    for path in paths:
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
