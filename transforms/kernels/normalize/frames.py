"""Takes the items out of the frames of many scenes, as columns (G2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from transforms.kernels.normalize.selection import Columns
from transforms.rules.identity import reference_id
from transforms.rules.rejections import Fault
from transforms.rules.scenes import scene_type
from transforms.rules.values import JsonValue, Record


@dataclass(frozen=True, slots=True)
class Frames:
    """The N items of frames, as `transforms.rules.scenes.frame_items` finds them one by one.

    Attributes:
        owners: Position of the scene of each.
        parts: Its number in the scene, from 1.
        records: What stands in the frame.
        scenes: Reference id of the scene.
        indexes: Position of the frame in its scene, from 0.
        sensors: Name of the sensor, None in a video.
    """

    owners: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    records: list[JsonValue] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    sensors: list[str | None] = field(default_factory=list)

    def columns(self, places: Sequence[int]) -> Columns:
        """The columns of items that say where in which scene they are."""
        if len(places) == len(self.records):
            return {"scene_reference_id": self.scenes, "frame_index": self.indexes, "sensor": self.sensors}
        return {
            "scene_reference_id": [self.scenes[place] for place in places],
            "frame_index": [self.indexes[place] for place in places],
            "sensor": [self.sensors[place] for place in places],
        }

    def at(self, places: Sequence[int]) -> "Frames":
        """The items at these positions among them."""
        if len(places) == len(self.records):
            return self
        owners, parts, records, scenes, indexes, sensors = (
            [column[place] for place in places]
            for column in (self.owners, self.parts, self.records, self.scenes, self.indexes, self.sensors)
        )
        return Frames(owners, parts, records, scenes, indexes, sensors)  # type: ignore[arg-type] # each as its column

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
    found = Frames()
    for owner, record in enumerate(records):
        frames = record.get("frames")
        if not isinstance(frames, list) or not frames:
            continue
        identity = reference_id(record)
        if isinstance(identity, Fault):
            continue
        sensors: list[str | None] = []
        items: list[JsonValue] = []
        indexes: list[int] = []
        if scene_type(record) == "video":
            items, indexes, sensors = frames, [*range(len(frames))], [None] * len(frames)
        elif {dict}.issuperset(map(type, frames)):
            for index, frame in enumerate(frames):
                if isinstance(frame, dict):
                    sensors += frame
                    items += frame.values()
                    indexes += [index] * len(frame)
        else:
            continue
        count = len(items)
        found.owners.extend([owner] * count)
        found.parts.extend(range(1, count + 1))
        found.records.extend(items)
        found.scenes.extend([identity] * count)
        found.indexes.extend(indexes)
        found.sensors.extend(sensors)
    return found
