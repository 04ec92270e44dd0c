"""Generator of the exports of a night of a driving fleet, all groups: seeded, streamed, the same bytes on every run.

    python benchmarks/fleet_exports.py --items 100000 --out DIR [--seed 1] [--files 1]

Half of the items come by themselves, one in twenty of them with context attachments; the other half are frames of
scenes, lidar and video in turn. Records are those of `kind_exports.py`. What refers to items is on the first of those
that come by themselves.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from exports import write
from kind_exports import BY_NAME, Group, Record

ITEMS = 100_000
ITEMS_PER_SCENE = 20
SEGMENTS_PER_MASK = 2
ITEM_KIND = "item, one in twenty with attachments"
SCENE_KINDS = ("lidar scene, 20 items, camera_params", "video scene, 20 frames")
ANNOTATION_KINDS = ("box", "polygon (12)", "line (6)", "key points (17)", "cuboid", "category")
MASK_KIND = "mask, two segments"
PREDICTION_KINDS = ("prediction, box with class_pdf", "prediction, polygon (12)")
UPDATE_KIND = "update of metadata (merge)"
MODEL_RUNS = ("night-small", "night-large")
ANNOTATION_SHARE, MASK_SHARE, PREDICTION_SHARE = 0.5, 0.05, 0.25
"""Annotations, masks, and predictions of each model run for each item of the fleet."""
UPDATED_EVERY = 11
"""Of so many items that come by themselves one gets other metadata afterwards; of those with attachments as many."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many records a fleet of so many items has."""

    items: int
    """Frames included."""

    @property
    def scenes(self) -> int:
        """Scenes, which hold half of the items."""
        return self.items // 2 // ITEMS_PER_SCENE

    @property
    def single_items(self) -> int:
        """Items that are in no scene."""
        return self.items - self.scenes * ITEMS_PER_SCENE

    @property
    def annotations(self) -> int:
        """Annotations, masks aside."""
        return int(self.items * ANNOTATION_SHARE)

    @property
    def masks(self) -> int:
        """Masks, on an item each."""
        return int(self.items * MASK_SHARE)

    @property
    def predictions(self) -> int:
        """Predictions of each model run."""
        return int(self.items * PREDICTION_SHARE)

    @property
    def updated(self) -> int:
        """Items whose metadata is updated afterwards."""
        return -(-self.single_items // UPDATED_EVERY)

    @property
    def rows(self) -> Mapping[str, int]:
        """Group to its rows: frames are items, and a mask is a row beside those of its segments (RULES G2, G3)."""
        return {
            "items": self.items,
            "scenes": self.scenes,
            "annotations": self.annotations + self.masks * (1 + SEGMENTS_PER_MASK),
            "predictions": self.predictions * len(MODEL_RUNS),
        }


@dataclass(frozen=True, slots=True)
class Fleet:
    """The exports of a fleet.

    Attributes:
        groups: Group to its exports, in order; those of predictions lie in a folder by the name of their model run.
        update: Metadata to be merged into a part of the items.
    """

    groups: Mapping[Group, Sequence[Path]]
    update: Sequence[Path]


def item_lines(sizes: Sizes, seed: int) -> Iterator[bytes]:
    """Yields the items that come by themselves."""
    return _lines(f"fleet items {seed}", sizes.single_items, BY_NAME[ITEM_KIND].record)


def scene_lines(sizes: Sizes, seed: int) -> Iterator[bytes]:
    """Yields the scenes with their frames."""
    return _lines(f"fleet scenes {seed}", sizes.scenes, _in_turn(SCENE_KINDS))


def annotation_lines(sizes: Sizes, seed: int) -> Iterator[bytes]:
    """Yields the annotations, the types in turn, and behind them the masks."""
    yield from _lines(f"fleet annotations {seed}", sizes.annotations, _in_turn(ANNOTATION_KINDS))
    yield from _lines(f"fleet masks {seed}", sizes.masks, BY_NAME[MASK_KIND].record)


def prediction_lines(sizes: Sizes, seed: int, run: str) -> Iterator[bytes]:
    """Yields the predictions of a model run."""
    return _lines(f"fleet {run} {seed}", sizes.predictions, _in_turn(PREDICTION_KINDS))


def update_lines(sizes: Sizes, seed: int) -> Iterator[bytes]:
    """Yields metadata for one in `UPDATED_EVERY` of the items that come by themselves, spread over all of them."""
    record = BY_NAME[UPDATE_KIND].record
    return _lines(f"fleet update {seed}", sizes.updated, lambda index, rng: record(index * UPDATED_EVERY, rng))


def write_fleet(sizes: Sizes, out: Path, *, seed: int = 1, files: int = 1) -> Fleet:
    """Writes the exports of a fleet, each into so many files, and its update into one."""
    annotations_and_masks = sizes.annotations + sizes.masks
    groups: Mapping[Group, Sequence[Path]] = {
        "items": write(item_lines(sizes, seed), sizes.single_items, out=out, name="items", files=files),
        "scenes": write(scene_lines(sizes, seed), sizes.scenes, out=out, name="scenes", files=files),
        "annotations": write(
            annotation_lines(sizes, seed), annotations_and_masks, out=out, name="annotations", files=files
        ),
        "predictions": [
            path
            for run in MODEL_RUNS
            for path in write(
                prediction_lines(sizes, seed, run), sizes.predictions, out=out / run, name="predictions", files=files
            )
        ],
    }
    return Fleet(groups, write(update_lines(sizes, seed), sizes.updated, out=out / "update", name="items"))


def _in_turn(kinds: Sequence[str]) -> Callable[[int, Random], Record]:
    records = [BY_NAME[kind].record for kind in kinds]
    return lambda index, rng: records[index % len(records)](index, rng)


def _lines(seed: str, count: int, record: Callable[[int, Random], Record]) -> Iterator[bytes]:
    rng = Random(seed)
    for index in range(count):
        yield f"{json.dumps(record(index, rng))}\n".encode("ascii")


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the exports that the command line asks for and prints one line for each file."""
    parser = argparse.ArgumentParser(description="Write the NDJSON exports of a fleet, the same for the same seed.")
    parser.add_argument("--items", type=int, default=ITEMS, help=f"frames included ({ITEMS:,})")
    parser.add_argument("--files", type=int, default=1, help="parts that each export is split into (1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="directory, made if absent")
    options = parser.parse_args(arguments)
    if min(options.items, options.files) < 1:
        parser.error("--items and --files must be 1 or more")
    fleet = write_fleet(Sizes(options.items), options.out, seed=options.seed, files=options.files)
    for path in (*(path for paths in fleet.groups.values() for path in paths), *fleet.update):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
