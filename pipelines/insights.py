"""The document `insights.json`: histograms, frequencies, locations, from the schema and what the last pass counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import cast

from transforms.kernels.insights import GRID, bounds, field_edges
from transforms.rules.export_rows import GROUPS
from transforms.rules.values import JsonObject, JsonValue


def insights(schema: JsonObject, quantiles: JsonObject, written: Iterable[JsonObject]) -> JsonObject:
    """Per group and field: `histogram` {edges, counts, quantiles}, `frequencies`; per group: `locations`.

    Args:
        schema: As in `schema.json`.
        quantiles: As `InferSchema` gives them.
        written: The reports of the parts written (`transforms.write_results`).
    """
    histograms: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    grids: defaultdict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    for report in written:
        for group, counted in cast("dict[str, JsonObject]", report["counted"]).items():
            for key, counts in cast("dict[str, list[int]]", counted["histograms"]).items():
                before = histograms[group, key] or [0] * len(counts)
                histograms[group, key] = [one + other for one, other in zip(before, counts, strict=True)]
            for row, column, count in cast("list[tuple[int, int, int]]", counted["grid"]):
                grids[group][row, column] += count
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


def _locations(fields: JsonObject, cells: Counter[tuple[int, int]]) -> JsonValue:
    """A grid over the box around all locations: rows from the south, columns from the west, empty cells left out."""
    box = bounds(fields)
    if box is None:
        return None
    return {
        "count": cells.total(),
        "bounds": {"south": box.south, "west": box.west, "north": box.north, "east": box.east},
        "rows": GRID,
        "columns": GRID,
        "cells": [[row, column, count] for (row, column), count in sorted(cells.items())],
    }
