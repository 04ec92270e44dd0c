"""What `insights.json` says of annotations, after one job and after further ones: the rows of the version (U5, P5)."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.in_process import ingest
from support.query_exports import build
from support.runs import Ended, ndjson

from pipelines.dataset.versions import Dataset

Row = dict[str, Any]


def ordered(counts: Counter[str]) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in sorted(counts.items(), key=lambda e: (-e[1], e[0]))]


def bins(edges: list[float], values: list[float]) -> dict[str, Any]:
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[max([0, *(at for at, edge in enumerate(edges[:-1]) if edge <= value)])] += 1
    return {"edges": edges, "counts": counts}


def counted(rows: list[Row], records: int, found: dict[str, Any]) -> dict[str, Any]:
    """The same, from the rows, with the edges that were found."""
    labels = [[*{row["label"], *(row["labels"] or ())} - {None}] for row in rows]
    classes: dict[str, Counter[str]] = {row["taxonomy_name"]: Counter() for row in rows if row["taxonomy_name"]}
    for row, of in zip(rows, labels, strict=True):
        if row["taxonomy_name"]:
            classes[row["taxonomy_name"]].update(of)
    boxes = [json.loads(row["geometry"]) for row in rows if row["type"] == "box"]
    by_run: dict[str, list[float | None]] = {row["model_run"]: [] for row in rows if row.get("model_run")}
    for row in rows:
        if row.get("model_run"):
            by_run[row["model_run"]].append(row["confidence"])
    per_record = Counter(row["reference_id"] for row in rows)
    edges = found["confidence"]["run_a"]["edges"] if by_run else []
    return {
        "labels": ordered(Counter(label for of in labels for label in of)),
        "types": ordered(Counter(row["type"] for row in rows)),
        "taxonomies": ordered(Counter(row["taxonomy_name"] for row in rows if row["taxonomy_name"])),
        "classes": {taxonomy: ordered(of) for taxonomy, of in sorted(classes.items())},
        "runs": ordered(Counter(row["model_run"] for row in rows if row.get("model_run"))),
        "per_record": bins(
            found["per_record"]["edges"], [*map(float, per_record.values()), *[0.0] * (records - len(per_record))]
        ),
        "sizes": bins(found["sizes"]["edges"], [math.sqrt(box["width"] * box["height"]) for box in boxes]),
        "confidence": {
            run: {**bins(edges, [each for each in of if each is not None]), "missing": of.count(None)}
            for run, of in sorted(by_run.items())
        },
    }


def assert_counted(ended: Ended) -> None:
    document: Any = Dataset.at(str(ended.dataset)).published().insights()
    records = sum(len(ended.rows(group)) for group in ("items", "scenes"))
    for group in ("items", "scenes"):
        assert document["groups"][group]["annotations"] is None
    for group in ("annotations", "predictions"):
        found = document["groups"][group]["annotations"]
        assert found == counted(ended.rows(group), records, found)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return build(Path(tmp_path_factory.mktemp("counted")), seed=5)


def box(target: str, number: int, label: str, side: float) -> Row:
    return {
        "reference_id": target,
        "annotation_id": f"{target}-{number}",
        "type": "box",
        "label": label,
        "geometry": {"x": 1, "y": 1, "width": side, "height": side},
    }


def test_annotations_are_counted_by_what_is_published_of_them(first: Ended, tmp_path: Path) -> None:
    assert_counted(first)
    item = {"reference_id": "new", "image_url": "s3://b/new.jpg"}
    more = [box("img_1", 1, "car", 500), box("img_2", 900, "tram", 70), box("new", 1, "tram", 3)]
    ended = ingest(
        first.dataset,
        "--items",
        f"{ndjson(tmp_path / 'items.ndjson', [item])}",
        "--annotations",
        f"{ndjson(tmp_path / 'annotations.ndjson', more)}",
        "--predictions",
        f"run c={ndjson(tmp_path / 'predictions.ndjson', [{**box('img_3', 1, 'bus', 9), 'confidence': 0.95}])}",
        "--mode",
        "replace",
    )
    assert ended.document["version"] == 2
    assert sum(ended.document["groups"]["annotations"][each] for each in ("created", "updated")) == 3
    assert_counted(ended)
    moved = {"reference_id": "img_4", "image_url": "s3://b/img_4.jpg", "metadata": {"n": 3}}
    third = ingest(first.dataset, "--items", f"{ndjson(tmp_path / 'moved.ndjson', [moved])}", "--mode", "merge")
    assert third.document["version"] == 3
    assert_counted(third)
