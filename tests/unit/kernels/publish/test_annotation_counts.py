"""What annotations are counted by while rows are written: U5, P3."""

import json
import math
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.kernels.publish import annotation_counts
from transforms.kernels.publish.annotation_counts import (
    CONFIDENCE_EDGES,
    COUNTED,
    PER_RECORD_EDGES,
    SIZE_EDGES,
    AnnotationCounts,
)

SCHEMA = {name: pl.Float64() if name == "confidence" else pl.String() for name in COUNTED}
SIDES = st.sampled_from([0, 1, 2.5, 31.999, 32, 1e9, -3, 1e300])
TEXTS = st.sampled_from(["car", "truck", "two words", "", "0"])
GEOMETRIES = st.one_of(
    st.fixed_dictionaries({"height": SIDES, "width": SIDES, "x": st.just(1), "y": st.just(2)}),
    st.fixed_dictionaries(
        {"height": SIDES, "width": SIDES, "x": st.just(1), "y": st.just(2), "a": st.just({"height": 7, "width": 7})}
    ),
)
BOXES = st.fixed_dictionaries({"type": st.just("box"), "label": TEXTS, "geometry": GEOMETRIES})
CATEGORIES = st.fixed_dictionaries({"type": st.just("category"), "label": TEXTS, "taxonomy_name": TEXTS})
MANY = st.fixed_dictionaries(
    {"type": st.just("multicategory"), "labels": st.lists(TEXTS, max_size=3), "taxonomy_name": TEXTS}
)
RUNS = st.fixed_dictionaries(
    {
        "model_run": st.sampled_from(["a", "b c", None]),
        "confidence": st.sampled_from([None, 0.0, 0.05, 0.5, 1.0, -2, 7]),
    }
)
RECORDS = st.dictionaries(
    st.sampled_from(["i1", "i2", "i3"]),
    st.lists(st.tuples(BOXES | CATEGORIES | MANY, RUNS).map(lambda both: both[0] | both[1]), min_size=1, max_size=12),
    max_size=3,
)


def rows(records: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"reference_id": name, **each} for name in sorted(records) for each in records[name]]


def frame(some: list[dict[str, Any]]) -> pl.DataFrame:
    listed = [
        {
            key: json.dumps(value, separators=(",", ":"), sort_keys=True) if isinstance(value, dict | list) else value
            for key, value in row.items()
        }
        for row in some
    ]
    return pl.DataFrame(listed, schema=SCHEMA, orient="row")


def bin_of(value: float, edges: tuple[float, ...]) -> str:
    """The bin of a value, by comparing it with one edge after the other."""
    below = [at for at, edge in enumerate(edges[:-1]) if edge <= value]
    return f"{below[-1] if below else 0}"


def plain(some: list[dict[str, Any]]) -> dict[str, Any]:
    """The same counts, row by row."""
    labels = [{row.get("label"), *(row.get("labels") or ())} - {None} for row in some]
    predicted = [row for row in some if row["model_run"] is not None]
    boxes = [row["geometry"] for row in some if row["type"] == "box"]
    sides = [math.sqrt(max(box["height"] * box["width"], 0)) for box in boxes]
    runs = {row["model_run"] for row in predicted}
    confidence: dict[str, Counter[str]] = {run: Counter() for run in runs}
    classes: dict[str, Counter[str]] = {row["taxonomy_name"]: Counter() for row in some if "taxonomy_name" in row}
    for row, of in zip(some, labels, strict=True):
        if "taxonomy_name" in row:
            classes[row["taxonomy_name"]].update(of)
    for row in predicted:
        if row["confidence"] is not None:
            confidence[row["model_run"]][bin_of(row["confidence"], CONFIDENCE_EDGES)] += 1
    return {
        "labels": dict(Counter(label for of in labels for label in of)),
        "types": dict(Counter(row["type"] for row in some)),
        "classes": {taxonomy: dict(of) for taxonomy, of in classes.items() if of},
        "taxonomies": dict(Counter(row["taxonomy_name"] for row in some if "taxonomy_name" in row)),
        "runs": dict(Counter(row["model_run"] for row in predicted)),
        "per_record": dict(
            Counter(bin_of(count, PER_RECORD_EDGES) for count in Counter(row["reference_id"] for row in some).values())
        ),
        "sizes": dict(Counter(bin_of(side, SIZE_EDGES) for side in sides)),
        "confidence": {run: dict(of) for run, of in confidence.items() if of},
        "unsure": dict(Counter(row["model_run"] for row in predicted if row["confidence"] is None)),
    }


@draws(100)
@given(RECORDS)
def test_rows_are_counted_as_one_by_one(records: dict[str, list[dict[str, Any]]]) -> None:
    some = rows(records)
    assert AnnotationCounts.of(frame(some)).document() == plain(some)


@draws(60)
@given(RECORDS)
def test_labels_are_counted_over_many_slices(records: dict[str, list[dict[str, Any]]]) -> None:
    some = rows(records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(annotation_counts, "_SLICE_ROWS", 2)
        assert AnnotationCounts.of(frame(some)).document() == plain(some)


@draws(100)
@given(RECORDS, RECORDS)
def test_counts_of_parts_are_added_and_taken_away(one: dict[str, Any], other: dict[str, Any]) -> None:
    renamed = {f"other {name}": of for name, of in other.items()}
    first, second = (AnnotationCounts.of(frame(rows(each))) for each in (one, renamed))
    both = AnnotationCounts.of(frame(rows(one | renamed)))
    assert (first + second).document() == both.document()
    assert (second + first).document() == both.document()
    assert (both - second).document() == first.document()
    assert (first + AnnotationCounts.none()).document() == first.document()
    assert AnnotationCounts.from_json(json.loads(json.dumps(both.document()))).document() == both.document()


def test_columns_that_a_batch_does_not_have_are_null() -> None:
    counts = AnnotationCounts.of(pl.DataFrame({"reference_id": ["a", "a", "b"], "type": ["line"] * 3}))
    assert counts.document() == {
        **AnnotationCounts.none().document(),
        "types": {"line": 3},
        "per_record": {"0": 1, "1": 1},
    }
