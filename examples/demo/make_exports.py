"""Makes the exports of the demo from the airports of the world (PyPI package `airportsdata`, MIT).

    python examples/demo/make_exports.py OUT_DIR [--images IMAGES_DIR]

Names, places, elevations and codes of the airports are real. The images, the annotations, the detectors and the
scenes are made up, drawn by airport and therefore the same on every run. `faulty.ndjson` goes with `items.ndjson` into
one job: each of its lines has one fault. `masks.ndjson` goes with the annotations. With `--images` there are street
views as well: drawn images and, in exports of their own, the records that name these files. `street_revised.ndjson` is
for a second job, which merges its metadata into those of the street views.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import airportsdata
import annotations
import faults
import scenes
import street_exports
from airport import Airport, Json, item


def airports() -> list[Airport]:
    """Returns every airport with an ICAO code, sorted by it."""
    found = airportsdata.load("ICAO")
    return [
        Airport(
            icao=code,
            iata=entry["iata"],
            local=entry.get("lid") or "",
            name=entry["name"],
            city=entry["city"],
            subdivision=entry["subd"],
            country=entry["country"],
            elevation=entry["elevation"],
            latitude=entry["lat"],
            longitude=entry["lon"],
            time_zone=entry["tz"],
        )
        for code, entry in sorted(found.items())
    ]


def exports(every: Sequence[Airport]) -> dict[str, Iterable[str]]:
    """Returns the lines of each export by the name of its file."""
    annotated = [airport for airport in every if annotations.is_annotated(airport)]
    return {
        "items.ndjson": map(encode, map(item, every)),
        "annotations.ndjson": map(encode, annotations.annotation_records(annotated)),
        **{
            f"predictions_{each.name}.ndjson": map(encode, annotations.prediction_records(annotated, detector=each))
            for each in (annotations.DETECTOR_V1, annotations.DETECTOR_V2)
        },
        "scenes.ndjson": map(encode, scenes.scenes(every)),
        "masks.ndjson": map(encode, annotations.mask_records(annotated)),
        "faulty.ndjson": (line for _, line in faults.lines(every)),
    }


def street_views(images: Path) -> dict[str, Iterable[str]]:
    """Returns the lines of each export of the street views, whose images lie in a folder, by the name of its file."""
    return {
        "street_items.ndjson": map(encode, street_exports.items(images)),
        "street_revised.ndjson": map(encode, street_exports.revisions()),
        "street_scenes.ndjson": map(encode, street_exports.scenes(images)),
        "street_annotations.ndjson": map(encode, street_exports.annotation_records()),
        **{
            f"street_predictions_{each.name}.ndjson": map(encode, street_exports.prediction_records(each))
            for each in (annotations.DETECTOR_V1, annotations.DETECTOR_V2)
        },
    }


def encode(record: dict[str, Json]) -> str:
    """Returns a record as a line without its end, escaped to ASCII as the usual clients do."""
    return json.dumps(record, allow_nan=False)


def write(lines: Iterable[str], path: Path) -> int:
    """Writes an export and returns the number of its lines."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as sink:
        for count, line in enumerate(lines, start=1):  # noqa: B007 - the last number is the result
            sink.write(f"{line}\n")
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes all exports into a directory and prints one line for each."""
    parser = argparse.ArgumentParser(description="Make the exports of the demo from the airports of the world.")
    parser.add_argument("out_dir", type=Path, help="directory, made if absent")
    parser.add_argument("--images", type=Path, help="directory for the images of the street views; without it none")
    options = parser.parse_args(arguments)
    out: Path = options.out_dir
    images: Path | None = options.images
    out.mkdir(parents=True, exist_ok=True)
    every = exports(airports())
    if images is not None:
        folder = images.resolve()  # an image on a disk is named by an absolute path (RULES K4)
        print(f"{images}  {street_exports.write_pictures(folder)} files")
        every |= street_views(folder)
    for name, lines in every.items():
        path = out / name
        count = write(lines, path)
        print(f"{path}  {count:,} records  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
