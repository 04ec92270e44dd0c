"""Makes `insights.json` (histograms, frequencies, timelines, locations) from the schema and the counts of a job."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipelines.dataset.documents.types import (
    AnnotationInsightsJson,
    BinsJson,
    GroupInsightsJson,
    InsightJson,
    InsightsJson,
    LocationsJson,
    SchemaJson,
    TimelineJson,
)
from transforms.kernels.publish.annotation_counts import (
    CONFIDENCE_EDGES,
    PER_RECORD_EDGES,
    SIZE_EDGES,
    AnnotationCounts,
)
from transforms.kernels.publish.date_counts import DateCounts, in_one_unit, is_text, summed
from transforms.kernels.publish.insights import GRID, Grid, bounds, field_edges, grid_of, no_locations
from transforms.rules.dates import NEARLY_ALL, day_of, unit_counted
from transforms.rules.export_rows import REFERENCED_GROUPS, Group
from transforms.rules.schema_json import CategoryJson, FieldJson, Groups, by_group
from transforms.stages.results import RowsReport


def insights(
    schema: SchemaJson, quantiles: Groups[dict[str, dict[str, float]]], written: Iterable[RowsReport]
) -> InsightsJson:
    """Per group and field: `histogram`, `frequencies`; per group: `locations`, `annotations`, `timelines`.

    Args:
        schema: As in `schema.json`.
        quantiles: As `InferSchema` gives them.
        written: The reports of the written parts (`transforms.write_reports`).
    """
    histograms: defaultdict[tuple[Group, str], list[int]] = defaultdict(list)
    grids: defaultdict[Group, Grid] = defaultdict(no_locations)
    annotations: defaultdict[Group, AnnotationCounts] = defaultdict(AnnotationCounts.none)
    dates: defaultdict[Group, list[DateCounts]] = defaultdict(list)
    for report in written:
        for group, counted in report["counted"].items():
            for key, counts in counted["histograms"].items():
                before = histograms[group, key] or [0] * len(counts)
                histograms[group, key] = [one + other for one, other in zip(before, counts, strict=True)]
            grids[group] += grid_of(counted["grid"])
            if counted["annotations"] is not None:
                annotations[group] += AnnotationCounts.from_json(counted["annotations"])
            dates[group].append(counted.get("dates", {}))
    records = sum(schema["groups"][group]["records"] for group in REFERENCED_GROUPS)

    def of_group(group: Group) -> GroupInsightsJson:
        fields = schema["groups"][group]["fields"]
        return {
            "fields": {
                key: described
                for key, field in fields.items()
                if (described := _field(field, histograms.get((group, key)), quantiles[group].get(key)))
            },
            "locations": _locations(fields, grids[group]),
            "annotations": None if group in REFERENCED_GROUPS else _annotations(annotations[group], records),
            "timelines": _timelines(fields, summed(dates[group])),
        }

    return {"format": 1, "version": schema["version"], "groups": by_group(of_group)}


def _timelines(fields: Mapping[str, FieldJson], of_texts: DateCounts) -> dict[str, TimelineJson]:
    """The timelines of the fields whose strings are all, or nearly all, dates; of categorical ones by category."""
    found: dict[str, TimelineJson] = {}
    for key, field in fields.items():
        if field["type"] == "categorical" and field["categories"] is not None:
            days: dict[str, int] = {}
            for each in field["categories"]:
                if (day := day_of(each["value"])) is not None:
                    days[day] = days.get(day, 0) + each["count"]
            counts = in_one_unit(days)
        else:
            counts = {**of_texts.get(key, {})} if is_text(field) else {}
        if counts and sum(counts.values()) >= NEARLY_ALL * field["present"]:
            listed: list[CategoryJson] = [{"value": place, "count": count} for place, count in counts.items()]
            found[key] = {"unit": unit_counted(counts), "counts": listed}
    return found


def _annotations(counts: AnnotationCounts, records: int) -> AnnotationInsightsJson:
    """What annotations are counted by, given the number of items and scenes."""
    some = _bins(PER_RECORD_EDGES, counts.per_record)
    return {
        "labels": _ordered(counts.labels),
        "types": _ordered(counts.types),
        "taxonomies": _ordered(counts.taxonomies),
        "classes": {taxonomy: _ordered(of) for taxonomy, of in sorted(counts.classes.items())},
        "runs": _ordered(counts.runs),
        "per_record": {
            "edges": [0, *some["edges"]],
            "counts": [records - sum(some["counts"]), *some["counts"]],
        },
        "sizes": _bins(SIZE_EDGES, counts.sizes),
        "confidence": {
            run: {
                **_bins(CONFIDENCE_EDGES, counts.confidence.get(run, {})),
                "missing": counts.unsure.get(run, 0),
            }
            for run in sorted(counts.runs)
        },
    }


def _ordered(counts: Mapping[str, int]) -> list[CategoryJson]:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"value": value, "count": count} for value, count in ordered]


def _bins(edges: Sequence[float], counts: Mapping[str, int]) -> BinsJson:
    return {"edges": [*edges], "counts": [counts.get(f"{at}", 0) for at in range(len(edges) - 1)]}


def _field(field: FieldJson, counts: list[int] | None, quantiles: Mapping[str, float] | None) -> InsightJson | None:
    bins = field_edges(field)
    if bins is not None and counts is not None:
        of_field: dict[str, int | float | None] | None = None if quantiles is None else {**quantiles}
        edges: list[int | float] = [*bins]
        return {"histogram": {"edges": edges, "counts": list(counts), "quantiles": of_field}}
    if field["categories"] is not None:
        return {"frequencies": field["categories"]}
    return None


def _locations(fields: Mapping[str, FieldJson], grid: Grid) -> LocationsJson | None:
    """A grid over the box around all locations: rows from the south, columns from the west, empty cells left out."""
    box = bounds(fields)
    if box is None:
        return None
    rows, columns = np.nonzero(grid)
    return {
        "count": int(grid.sum()),
        "bounds": {"south": box.south, "west": box.west, "north": box.north, "east": box.east},
        "rows": GRID,
        "columns": GRID,
        "cells": np.column_stack([rows, columns, grid[rows, columns]]).tolist(),
    }
