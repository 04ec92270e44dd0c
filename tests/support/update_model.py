"""A model of updates on dictionaries: published rows, incoming records, and steps in every mode; and such jobs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from support.strategies import metadata_of, raw

from transforms.kernels.batch.batch import SOURCE, Batch
from transforms.kernels.merge.merge import GroupCounts
from transforms.kernels.normalize.columns import Origin
from transforms.kernels.normalize.normalize import normalize
from transforms.raw_records import RawRecords
from transforms.rules.annotations import GEOMETRIC
from transforms.rules.coordinates import KEYS as COORDINATE_KEYS
from transforms.rules.coordinates import locate
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import Mode, Step
from transforms.rules.rejections import Fault
from transforms.rules.values import canonical_json

Key = tuple[Any, ...]
Job = dict[Group, list[list[Any]]]
"""The records of each export of a step, by group."""

EXPORTS_OF_STEP = 2
NAMES = st.sampled_from(["x", "y", "z"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.sampled_from([0, 1, 1.0, -0.0, 0.0, None, 2**63]),
        "s": st.sampled_from(["p", True, 1, None, [1], []]),
        "lat": st.sampled_from([1, 2.5, "3.5", None, "north", 91]),
        "lon": st.sampled_from([1, "-3", None]),
        "context_attachments": st.sampled_from([[], None, [{"attachment": "/c"}]]),
    },
)
BOX = {"x": 1, "y": 2, "width": 3, "height": 4}
SEGMENTS = st.lists(
    st.builds(lambda index, fields: {"index": index, "metadata": fields}, st.integers(0, 3), FIELDS), max_size=3
)
RECORDS: dict[Group, st.SearchStrategy[Any]] = {
    "items": st.fixed_dictionaries(
        {"reference_id": NAMES, "image_url": st.sampled_from(["/a", "/b"])},
        optional={"metadata": FIELDS, "width": st.sampled_from([1, 1.5]), "zoom": st.integers(0, 1)},
    ),
    "scenes": st.fixed_dictionaries(
        {"reference_id": NAMES},
        optional={
            "metadata": FIELDS,
            "video_url": st.just("/v"),
            "frames": st.sampled_from(
                [[{"cam": {"reference_id": "y", "image_url": "/f", "metadata": {"n": 1}}}], [{}]]
            ),
        },
    ),
    "annotations": st.one_of(
        st.fixed_dictionaries(
            {
                "reference_id": NAMES,
                "type": st.sampled_from(["box", "category"]),
                "label": st.sampled_from(["car", "bus"]),
                "geometry": st.just(BOX),
                "annotation_id": st.sampled_from(["1", "2"]),
            },
            optional={"metadata": FIELDS, "task_id": st.sampled_from([None, "t"])},
        ),
        st.builds(
            lambda name, url, segments: {
                "reference_id": name,
                "type": "mask",
                "mask_url": url,
                "annotations": segments,
            },
            NAMES,
            st.sampled_from(["/m", "/n"]),
            SEGMENTS,
        ),
    ),
}
RECORDS["predictions"] = RECORDS["annotations"]
JOBS = st.fixed_dictionaries(
    {group: st.lists(st.lists(RECORDS[group], max_size=3), max_size=EXPORTS_OF_STEP) for group in GROUPS}
)
MODES: list[Mode] = ["append", "replace", "merge"]
STEPS = st.builds(Step, st.sampled_from(MODES), st.sampled_from(["reject", "last"]))


def padding(count: int) -> Job:
    """Rows that no other record names: among them metadata of the others is rare, and stands in cells."""
    items = [{"reference_id": f"p{number}", "image_url": "/p"} for number in range(count)]
    boxes = [
        {"reference_id": "p0", "type": "box", "label": "p", "geometry": BOX, "annotation_id": f"{n}"}
        for n in range(count)
    ]
    return {"items": [items], "annotations": [boxes]}


def batches_of(job: Job, mode: Mode, *, first_export: int = 0) -> dict[Group, list[Batch]]:
    found: dict[Group, list[Batch]] = {}
    for group, exports in job.items():
        for export, values in enumerate(exports, start=first_export):
            lines = [raw(value) for value in values]
            offsets = np.cumsum([0] + [len(line) + 1 for line in lines])[:-1].astype(np.int64)
            origin = Origin(export, -1, offsets, np.arange(1, len(lines) + 1, dtype=np.int64))
            done = normalize(RawRecords.of(lines), group=group, model_run="run", origin=origin, mode=mode)
            for batch in done.batches:
                found.setdefault(batch.group, []).append(batch)
    return found


def names_of(steps: int) -> list[str]:
    return [f"{number}.jsonl" for number in range(steps * EXPORTS_OF_STEP)]


def identity_of(group: Group, row: dict[str, Any]) -> Key:
    if group in ("items", "scenes"):
        return (row["reference_id"],)
    kind, start = row["type"], (row["reference_id"], row["model_run"])
    if kind in GEOMETRIC:
        return (*start, "object", row["annotation_id"], row["task_id"])
    return (*start, kind, row["segment_index"] if kind == "segment" else row["taxonomy_name"])


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    """The rows with all their columns, metadata as one object."""
    return [
        {name: value for name, value in row.items() if ":" not in name} | {"metadata": metadata}
        for row, metadata in zip(batch.rows.to_dicts(), metadata_of(batch), strict=True)
    ]


def said(row: dict[str, Any]) -> str:
    """The values of a row without its source."""
    return canonical_json({key: value for key, value in row.items() if key not in (*SOURCE, "export_name", "chunk")})


def merged_metadata(old: dict[str, Any], new: dict[str, Any]) -> Any:
    merged = {key: value for key, value in {**old, **new}.items() if key not in new or new[key] is not None}
    if not COORDINATE_KEYS & new.keys():
        return merged
    found = locate(merged)
    return found if isinstance(found, Fault) else {**merged, **found.numbers}


class Model:
    """Rows by identity; steps are taken one by one, records one by one in the order of their exports."""

    def __init__(self) -> None:
        self.rows: dict[Group, dict[Key, Any]] = {group: {} for group in GROUPS}
        self.counts: dict[Group, Counter[str]] = {group: Counter() for group in GROUPS}
        self.changed: set[Group] = set()

    def take(self, incoming: dict[Group, list[Batch]], step: Step, names: Sequence[str]) -> None:
        for group in GROUPS:
            rows = [row for batch in incoming.get(group, ()) for row in rows_of(batch)]
            for row in rows:
                row["export_name"] = names[row["export"]]
            rows.sort(key=lambda row: (row["export"], row["offset"], row["part"]))
            if step.on_duplicate == "last":
                rows.reverse()
            self._take_group(group, rows, step.mode)

    def _take_group(self, group: Group, rows: list[Any], mode: Mode) -> None:
        now = self.rows[group]
        published = dict(now)
        fates: dict[Key, str] = {}
        seen: set[Key] = set()
        masks: dict[Key, Any] = {}
        for row in sorted(rows, key=lambda row: row.get("type") == "segment"):
            key, place, of_mask = identity_of(group, row), _place(row), None
            if row.get("type") == "segment":
                of_mask = fates[_mask_place(row)]
            if key in seen or of_mask == "duplicate_id":
                fates[place] = "duplicate_id"
                continue
            seen.add(key)
            if of_mask in ("ignored", "unknown_reference"):
                fates[place] = of_mask
            else:
                fates[place] = self._put(group, key, row, published, mode)
            if row.get("type") == "mask":
                masks[place] = row
        for place, mask in masks.items():
            if mode == "replace" and fates[place] in ("updated", "unchanged"):
                kept = {
                    identity_of(group, row) for row in rows if row["type"] == "segment" and _mask_place(row) == place
                }
                if self._drop_segments(group, mask, published.keys() - kept):
                    fates[place] = "updated"
                    now[identity_of(group, mask)] = mask
        self.counts[group].update(fates.values())
        if {"created", "updated"} & set(fates.values()):
            self.changed.add(group)

    def _drop_segments(self, group: Group, mask: Any, absent: set[Key]) -> bool:
        """Takes the segments away that the mask has no longer; whether there are any."""
        start = (mask["reference_id"], mask["model_run"], "segment")
        removed = [key for key in absent if key[:3] == start]
        for key in removed:
            del self.rows[group][key]
        return bool(removed)

    def _put(self, group: Group, key: Key, row: Any, published: dict[Key, Any], mode: Mode) -> str:
        now = self.rows[group]
        if key not in published:
            referenced = self.rows["items"].keys() | self.rows["scenes"].keys()
            is_lost = group in ("annotations", "predictions") and (row["reference_id"],) not in referenced
            if mode == "merge" or is_lost:
                return "unknown_reference"
            now[key] = row
            return "created"
        if mode == "append":
            return "ignored"
        if mode == "merge":
            metadata = merged_metadata(published[key]["metadata"], row["metadata"])
            if isinstance(metadata, Fault):
                return str(metadata.code)
            row = published[key] | {"metadata": metadata, "export_name": row["export_name"], "offset": row["offset"]}
        if said(row) == said(published[key]):
            return "unchanged"
        now[key] = row
        return "updated"


def _place(row: Any) -> Key:
    return row["export"], row["offset"], row["part"]


def _mask_place(row: Any) -> Key:
    return row["export"], row["offset"], row["part"] >> 32


def tally(counts: GroupCounts) -> Counter[str]:
    named = {name: getattr(counts, name) for name in ("created", "updated", "ignored", "unchanged")}
    return Counter(named) + counts.rejected
