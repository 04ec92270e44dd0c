"""Compares a chunk that was normalized column by column with what the rules make of it record by record."""

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from support.strategies import metadata_of, normalized, raw

from transforms.kernels.batch.exact_json import parse
from transforms.kernels.normalize.normalized import Normalized
from transforms.rules import annotations, export_rows, items, scenes
from transforms.rules.export_rows import Group
from transforms.rules.rejections import Fault
from transforms.rules.values import canonical_json

JSON_COLUMNS = ("labels", "geometry", "class_pdf", "camera_params", "extra")


def named(value: Any, fault: Fault) -> Any:
    """The record, as far as it can be told whose it is: a number that is none does not hide its neighbours (R1)."""
    if fault.code not in ("non_finite_number", "number_out_of_range"):
        return None
    return json.loads(value if isinstance(value, bytes) else raw(value))


class ByTheRules:
    """The rows, the rejections and the counts of some raw records, one record after the other."""

    def __init__(self, values: list[Any], group: Group, model_run: str | None) -> None:
        self.rows: list[tuple[str, str]] = []
        self.rejected: Counter[Any] = Counter()
        self.read: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.model_run = model_run
        for position, value in enumerate(values):
            parsed = parse([value if isinstance(value, bytes) else raw(value)])
            if parsed.faults:
                self._take(group, position, 0, named(value, parsed.faults[0]), parsed.faults[0])
                continue
            for part, record in enumerate(export_rows.records(parsed.values[0], group)):
                self._record(group, position, part, record)

    def _record(self, group: Group, position: int, part: int, record: Any) -> None:
        if not isinstance(record, dict):
            self.read[group] += 1
            self.rejected[group, position, None, "not_an_object"] += 1
        elif group == "items":
            self._take(group, position, part, record, items.item(record))
        elif group == "scenes":
            self._take(group, position, part, record, scenes.scene(record))
            frames = scenes.frame_items(record)
            for frame_part, frame in enumerate(() if isinstance(frames, Fault) else frames, start=1):
                if isinstance(frame.record, dict):
                    place = {
                        "scene_reference_id": frame.scene_reference_id,
                        "frame_index": frame.frame_index,
                        "sensor": frame.sensor,
                    }
                    self._take("items", position, frame_part, frame.record, items.item(frame.record), **place)
                else:
                    self.read["items"] += 1
                    self.rejected["items", position, None, "not_an_object"] += 1
        else:
            found = annotations.annotation(record, prediction=group == "predictions")
            self._take(group, position, part, record, found)
            if not isinstance(found, Fault) and found.type == "mask":
                for index, segment in enumerate(annotations.segments(record)):
                    self._take(group, position, (part << 32) + index + 1, record, segment)

    def _take(self, group: Group, position: int, part: int, record: Any, found: Any, **place: Any) -> None:
        self.read[group] += 1
        if isinstance(found, Fault):
            identity = (record or {}).get("reference_id", (record or {}).get("ref_id"))
            known = identity if isinstance(identity, str) and identity else None
            self.rejected[group, position, known, found] += 1
            return
        self.warnings.update(found.metadata.warnings)
        row = asdict(found) | place
        metadata = row.pop("metadata")["fields"]
        if row["url"] in (row.get("image_url"), row.get("pointcloud_url"), row.get("video_url"), row.get("mask_url")):
            row["url"] = None
        if group in ("annotations", "predictions"):
            row["model_run"] = self.model_run
        row["extra"] = row["extra"] or None
        for name in JSON_COLUMNS:
            if row.get(name) is not None:
                row[name] = canonical_json(list(row[name]) if name == "labels" else row[name])
        self.rows.append(comparable(group, position, part, row, metadata))


def comparable(group: str, position: int, part: int, row: dict[str, Any], metadata: Any) -> tuple[str, str]:
    columns = sorted((name, value) for name, value in row.items() if value is not None)
    texts = {key: canonical_json(value) for key, value in metadata.items()}
    return f"{group} {position} {part}", repr((columns, sorted(texts.items())))


def rows_of(done: Normalized) -> list[tuple[str, str]]:
    found = []
    for batch in done.batches:
        assert batch.rows.columns[:1] == ["reference_id"]
        core = [name for name in batch.rows.columns if ":" not in name]
        for row, metadata in zip(batch.rows.select(core).to_dicts(), metadata_of(batch), strict=True):
            source = {name: row.pop(name) for name in ("export", "chunk", "line", "offset", "part")}
            assert (source["export"], source["chunk"]) == (0, -1)
            found.append(comparable(batch.group, source["line"] - 1, source["part"], row, metadata))
    return found


def check_by_the_rules(values: list[Any], group: Group) -> None:
    model_run = "run" if group == "predictions" else None
    done = normalized(values, group, model_run=model_run)
    model = ByTheRules(values, group, model_run)
    assert sorted(rows_of(done)) == sorted(model.rows)
    assert Counter(
        (
            rejected.group,
            rejected.position,
            rejected.reference_id,
            "not_an_object" if rejected.fault.code == "not_an_object" else rejected.fault,
        )
        for rejected in done.rejected
    ) == model.rejected  # fmt: skip
    assert {group: count for group, count in done.read.items() if count} == dict(model.read)
    assert done.warnings == model.warnings
    counted: Counter[str] = Counter(batch.group for batch in done.batches for _ in range(batch.rows.height))
    counted.update(rejected.group for rejected in done.rejected)
    assert counted == Counter(model.read), "read = accepted + rejected (U4)"
