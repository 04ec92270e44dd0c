"""Takes the items out of the frames of many scenes, as columns (G2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.normalize.selection import Columns
from transforms.rules.identity import reference_id
from transforms.rules.rejections import Fault
from transforms.rules.scenes import scene_type
from transforms.rules.values import JsonValue, Record


class FramesOfScene(NamedTuple):
    """The frames of one scene.

    Attributes:
        owner: Position of the scene.
        identity: Its reference id.
        sizes: How many items each frame has.
        sensors: Name of the sensor of each item, None in a video.
    """

    owner: int
    identity: str
    sizes: Sequence[int]
    sensors: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Frames:
    """The N items of frames, as `transforms.rules.scenes.frame_items` finds them one by one.

    Attributes:
        owners: Position of the scene of each: int64[N].
        parts: Its number in the scene, from 1: int64[N].
        records: What stands in the frame.
        scenes: Reference id of the scene: String array of shape (N,).
        indexes: Position of the frame in its scene, from 0: Int64 array of shape (N,).
        sensors: Name of the sensor, null in a video: String array of shape (N,).
    """

    owners: Positions
    parts: Positions
    records: list[JsonValue]
    scenes: pl.Series
    indexes: pl.Series
    sensors: pl.Series

    @classmethod
    def of(cls, scenes: Sequence[FramesOfScene], records: list[JsonValue] | None = None) -> Self:
        """The items of scenes in their order; their records are null where none are given."""
        of_frames = np.fromiter(chain.from_iterable(each.sizes for each in scenes), np.int64)
        of_scenes = _numbers([len(each.sensors) for each in scenes])
        indexes = _counted(_numbers([len(each.sizes) for each in scenes]))
        identities = pl.Series([each.identity for each in scenes], dtype=pl.String)
        sensors = list(chain.from_iterable(each.sensors for each in scenes))
        return cls(
            owners=np.repeat(_numbers([each.owner for each in scenes]), of_scenes),
            parts=_counted(of_scenes) + 1,
            records=[None] * len(sensors) if records is None else records,
            scenes=identities.gather(np.repeat(np.arange(len(scenes)), of_scenes)),
            indexes=pl.Series(np.repeat(indexes, of_frames), dtype=pl.Int64),
            sensors=pl.Series(sensors, dtype=pl.String),
        )

    def columns(self, places: Sequence[int] | Positions) -> Columns:
        """The columns of items that say where in which scene they are."""
        columns = {"scene_reference_id": self.scenes, "frame_index": self.indexes, "sensor": self.sensors}
        if len(places) == len(self.records):
            return {**columns}
        where = np.asarray(places, np.int64)
        return {name: values.gather(where) for name, values in columns.items()}

    def at(self, places: Sequence[int]) -> "Frames":
        """The items at these positions among them."""
        if len(places) == len(self.records):
            return self
        where = np.array(places, np.int64)
        records = [self.records[place] for place in places]
        columns = (self.scenes.gather(where), self.indexes.gather(where), self.sensors.gather(where))
        return Frames(self.owners[where], self.parts[where], records, *columns)

    def objects(self) -> tuple[list[Record], "Frames", list[int]]:
        """The items that are objects, these alone as Frames, and the places of all others."""
        records = [record for record in self.records if isinstance(record, dict)]
        if len(records) == len(self.records):
            return records, self, []
        is_object = [isinstance(record, dict) for record in self.records]
        others = [place for place, is_one in enumerate(is_object) if not is_one]
        return records, self.at([place for place, is_one in enumerate(is_object) if is_one]), others


def frames_of(records: Sequence[Record]) -> Frames:
    """The items in the frames of scenes; a scene without an identity or with frames of another form has none."""
    scenes: list[FramesOfScene] = []
    items: list[JsonValue] = []
    for owner, record in enumerate(records):
        frames = record.get("frames")
        if not isinstance(frames, list) or not frames:
            continue
        identity = reference_id(record)
        if isinstance(identity, Fault):
            continue
        if scene_type(record) == "video":
            scenes.append(FramesOfScene(owner, identity, [1] * len(frames), [None] * len(frames)))
            items += frames
        elif {dict}.issuperset(map(type, frames)):
            of_sensors = [frame for frame in frames if isinstance(frame, dict)]
            names = [*chain.from_iterable(of_sensors)]
            scenes.append(FramesOfScene(owner, identity, [*map(len, of_sensors)], names))
            items += chain.from_iterable(map(dict.values, of_sensors))
    return Frames.of(scenes, items)


def _numbers(values: Sequence[int]) -> Positions:
    return np.array(values, np.int64)


def _counted(sizes: Positions) -> Positions:
    """The numbers of the members of groups of these sizes, from 0 in each: int64[sum]."""
    ends = np.cumsum(sizes)
    return np.arange(int(sizes.sum())) - np.repeat(ends - sizes, sizes)
