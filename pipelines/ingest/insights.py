"""Makes `insights.json` (histograms, frequencies, locations) from the schema and the counts of the last pass."""

from collections import defaultdict
from collections.abc import Iterable
from typing import cast

import numpy as np

from transforms.kernels.publish.insights import GRID, Grid, bounds, field_edges, grid_of, no_locations
from transforms.rules.export_rows import GROUPS
from transforms.rules.values import JsonObject, JsonValue


def insights(schema: JsonObject, quantiles: JsonObject, written: Iterable[JsonObject]) -> JsonObject:
    """Per group and field: `histogram` {edges, counts, quantiles}, `frequencies`; per group: `locations`.

    Args:
        schema: As in `schema.json`.
        quantiles: As `InferSchema` gives them.
        written: The reports of the written parts (`transforms.write_reports`).
    """
    histograms: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    grids: defaultdict[str, Grid] = defaultdict(no_locations)
    for report in written:
        for group, counted in cast("dict[str, JsonObject]", report["counted"]).items():
            for key, counts in cast("dict[str, list[int]]", counted["histograms"]).items():
                before = histograms[group, key] or [0] * len(counts)
                histograms[group, key] = [one + other for one, other in zip(before, counts, strict=True)]
            grids[group] += grid_of(counted["grid"])
    groups = cast("dict[str, JsonObject]", schema["groups"])
    by_group = cast("dict[str, dict[str, JsonObject]]", quantiles)
    return {
        "format": 1,
        "version": schema["version"],
        "groups": {
            group: {
                "fields": {
                    key: described
                    for key, field in cast("dict[str, JsonObject]", groups[group]["fields"]).items()
                    if (described := _field(field, histograms.get((group, key)), by_group[group].get(key)))
                },
                "locations": _locations(cast("JsonObject", groups[group]["fields"]), grids[group]),
            }
            for group in GROUPS
        },
    }


def _field(field: JsonObject, counts: list[int] | None, quantiles: JsonObject | None) -> JsonObject | None:
    bins = field_edges(field)
    if bins is not None and counts is not None:
        return {"histogram": {"edges": list(bins), "counts": list(counts), "quantiles": quantiles}}
    if field["categories"] is not None:
        return {"frequencies": field["categories"]}
    return None


def _locations(fields: JsonObject, grid: Grid) -> JsonValue:
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
        "cells": cast("list[JsonValue]", np.column_stack([rows, columns, grid[rows, columns]]).tolist()),
    }
