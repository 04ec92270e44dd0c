"""Takes raw scenes apart without reading the items in their frames, which are read as records of their own (G2)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import msgspec
import orjson
from msgspec import Raw

from transforms.kernels.batch.exact_json import parse
from transforms.kernels.batch.metadata_columns import json_text
from transforms.kernels.normalize.frames import Frames, FramesOfScene
from transforms.raw_records import RawRecords
from transforms.rules.identity import reference_id
from transforms.rules.record_values import value_fault
from transforms.rules.rejections import Fault
from transforms.rules.scenes import FRAMES, scene_type
from transforms.rules.values import Record

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_FRAMES = msgspec.json.Decoder(list[Raw])
_SENSORS = msgspec.json.Decoder(list[dict[str, Raw]])
_OTHERS = frozenset({"item", "scene", "source"})
"""Keys of rows of exports and of published rows, whose scenes are not taken apart here."""
_NOTHING: Record = {}


class OpenedScenes(NamedTuple):
    """N scenes, and the M items in their frames.

    Attributes:
        positions: Of the N raw records among all.
        records: The scenes. Of their frames the first one is there; all others are stand-ins, which no rule looks at.
        frames: The places of the items; their records are null.
        items: The items as they stand in the frames.
    """

    positions: list[int]
    records: list[Record]
    frames: Frames
    items: RawRecords


class _Scene(NamedTuple):
    """A scene as text, without its frames, and these."""

    position: int
    text: bytes
    frames: Raw


def open_scenes(raw: RawRecords, positions: Iterable[int]) -> OpenedScenes:
    """The raw scenes at some positions that can be taken apart; none that is known to be no JSON.

    They have a reference id and a list of frames of the form of their type. Their items may still be no JSON.
    """
    found = [scene for position in positions if (scene := _scene(position, raw[position])) is not None]
    texts = parse([scene.text for scene in found])
    unsure = texts.exact.union(texts.faults)
    opened_at: list[int] = []
    records: list[Record] = []
    scenes: list[FramesOfScene] = []
    items: list[Raw] = []
    for place, (scene, record) in enumerate(zip(found, texts.values, strict=True)):
        if place in unsure or not isinstance(record, dict) or isinstance(identity := reference_id(record), Fault):
            continue
        members = _items(scene.frames, record)
        if members is None:
            continue
        sizes, sensors, own = members
        scenes.append(FramesOfScene(len(records), identity, sizes, sensors))
        items += own
        opened_at.append(scene.position)
        records.append(record)
    return OpenedScenes(opened_at, records, Frames.of(scenes), RawRecords.of(items))


def _scene(position: int, record: bytes) -> _Scene | None:
    """A scene without its frames; None for a record that has none, or may be no JSON."""
    if value_fault(record) is not None:
        return None
    try:
        members = _MEMBERS.decode(record)
        frames = members.pop(FRAMES.name, None)
        if frames is None or not _OTHERS.isdisjoint(members):
            return None
    except (msgspec.DecodeError, RecursionError):
        return None
    return _Scene(position, _template(tuple(members)) % tuple(members.values()), frames)


@lru_cache(256)
def _template(keys: Sequence[str]) -> bytes:
    """The object with these keys, and places for their values."""
    members = (b"%b:%%b" % json_text(key).encode().replace(b"%", b"%%") for key in keys)
    return b"{%b}" % b",".join(members)


def _items(frames: Raw, record: Record) -> tuple[Sequence[int], Sequence[str | None], list[Raw]] | None:
    """How many items each frame has, their sensors and themselves; None for frames of another form than the scene has.

    The record gets its frames, as OpenedScenes has them.
    """
    try:
        each = _FRAMES.decode(frames)
        if not each:
            return None
        record[FRAMES.name] = [orjson.loads(bytes(each[0])), *([_NOTHING] * (len(each) - 1))]
        if scene_type(record) == "video":
            return [1] * len(each), [None] * len(each), each
        of_sensors = _SENSORS.decode(frames)
    except (msgspec.DecodeError, orjson.JSONDecodeError, RecursionError):
        return None
    items = [*chain.from_iterable(map(dict.values, of_sensors))]
    return [*map(len, of_sensors)], [*chain.from_iterable(of_sensors)], items
