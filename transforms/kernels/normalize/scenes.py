"""Normalizes scenes column by column, and takes the items out of their frames (G2; FORMATS 1.4, 1.5)."""

from collections.abc import Collection, Sequence

import polars as pl

from transforms.kernels.normalize.selection import Candidates, Columns, Selection
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.rejections import Code, Fault
from transforms.rules.scenes import COLUMNS, FRAMES, needs_video, scene_type
from transforms.rules.scenes import CORE_KEYS as SCENE_KEYS
from transforms.rules.values import JsonValue, Record


def selected_scenes(records: Sequence[Record], *, exclude: Collection[int] = ()) -> Selection:
    """The scenes that their rule accepts; none at the positions `exclude`."""
    places = [place for place in range(len(records)) if place not in exclude]
    found = Candidates(places, [records[place] for place in places])
    found.identify()
    found.check((FRAMES, *SCENE_KEYS))
    found.drop([place for place, record in enumerate(found.records) if not _has_frames(record)])
    kinds = [scene_type(record) for record in found.records]
    given = pl.Series("video_url", [url or None for url in found.column("video_url")], pl.String)
    canonical, errors = canonical_column(given)
    if errors.null_count() < len(errors):
        fine = errors.is_null()
        wrong = (~fine).arg_true().to_list()
        found.reject({n: Fault(Code.INVALID_URL, f"{errors[n]} at video_url", "video_url") for n in wrong})
        kinds = [kind for kind, is_fine in zip(kinds, fine.to_list(), strict=True) if is_fine]
        given, canonical = given.filter(fine), canonical.filter(fine)
    columns: Columns = {"reference_id": found.column("reference_id"), "type": kinds}
    if given.null_count() < len(given):
        columns |= {"video_url": given, "url": canonical.set((canonical == given).fill_null(value=False), None)}
    if "frame_rate" in found.keys:
        columns["frame_rate"] = found.doubles("frame_rate")
    columns["frame_count"] = [len(frames) if isinstance(frames, list) else None for frames in found.column("frames")]
    extra = found.extra_texts(COLUMNS)
    if extra is not None:
        columns["extra"] = extra
    return found.select(columns)


def _has_frames(record: Record) -> bool:
    """Whether a scene has a known type, frames of the form of its type, and a video if it needs one."""
    if not isinstance(record.get("video_url"), str | None):
        return False
    if record.get("type") not in (None, "lidar", "video") or (not record.get("video_url") and needs_video(record)):
        return False
    frames: JsonValue = record.get("frames")
    if not isinstance(frames, list) or not frames:
        return True
    return {dict}.issuperset(map(type, frames)) or scene_type(record) == "video"
