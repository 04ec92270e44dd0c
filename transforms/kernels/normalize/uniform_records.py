"""Divides the records of a chunk into those that are checked together: raw records, and published rows of one sort."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.kernels.normalize.frames import Frames
from transforms.kernels.normalize.pieces import Pieces
from transforms.rules.export_rows import Group
from transforms.rules.published_rows import PublishedRow

_Sort = tuple[bool, bool, str | None]
"""Whether published rows are frames, or segments, and their model run."""


@dataclass(frozen=True, slots=True)
class UniformRecords:
    """Records of one group that are checked together.

    Attributes:
        pieces: The records.
        model_run: Of predictions.
        frames: If they are published rows of frames, where in which scenes these are.
        frame_counts: If they are published rows of scenes, whose frames are rows of their own, the numbers of these.
        are_segments: Whether they are published rows of segments.
    """

    pieces: Pieces
    model_run: str | None
    frames: Frames | None = None
    frame_counts: list[int | None] | None = None
    are_segments: bool = False


def divided(pieces: Pieces, group: Group, model_run: str | None) -> Iterator[UniformRecords]:
    """The records of a group, divided; first the raw ones, which nearly always are all."""
    if not any("source" in record for record in pieces.records):
        yield UniformRecords(pieces, model_run)
        return
    raw: list[int] = []
    published: defaultdict[_Sort, list[tuple[int, PublishedRow]]] = defaultdict(list)
    for place, record in enumerate(pieces.records):
        row = PublishedRow.of(record, group)
        if row is None:
            raw.append(place)
        else:
            sort = (row.scene is not None, row.is_segment, row.model_run or model_run)
            published[sort].append((place, row))
    yield UniformRecords(pieces.at(raw), model_run)
    for (are_frames, are_segments, run), of_sort in published.items():
        rows = [row for _, row in of_sort]
        frames, counts = _frames(rows) if are_frames else None, [row.frame_count for row in rows]
        own = pieces.at([place for place, _ in of_sort], [row.record for row in rows])
        yield UniformRecords(own, run, frames, counts if group == "scenes" else None, are_segments)


def _frames(rows: list[PublishedRow]) -> Frames:
    """Where in which scenes rows of frames are; each is a record of its own."""
    return Frames(
        owners=np.arange(len(rows)),
        parts=np.zeros(len(rows), np.int64),
        records=[row.record for row in rows],
        scenes=pl.Series([row.scene or "" for row in rows], dtype=pl.String),
        indexes=pl.Series([row.frame for row in rows], dtype=pl.Int64),
        sensors=pl.Series([row.sensor for row in rows], dtype=pl.String),
    )
