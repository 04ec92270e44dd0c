"""Counts a result as `insights.json` counts the version: the same edges and categories, so that both compare."""

import threading
from collections.abc import Collection

import numpy as np

from pipelines.dataset.documents.types import InsightJson, LocationsJson, TimelineJson
from pipelines.explore import codes
from pipelines.explore.results import Result, check
from pipelines.explore.snapshots import Snapshot
from pipelines.json_output import JsonOutput
from transforms.kernels.batch.batch import Positions
from transforms.kernels.publish.insights import Bounds
from transforms.rules.export_rows import Group


def insights(
    snapshot: Snapshot, result: Result, fields: Collection[str] | None, cancelled: threading.Event
) -> JsonOutput:
    """The insights of a result.

    Args:
        snapshot: The version of the result.
        result: The rows; of all rows the numbers are those of `insights.json`.
        fields: Only these metadata keys; None for all.
        cancelled: Set when nobody waits any more.

    Raises:
        CancelledError: Nobody waits for the answer any more.
    """
    group = result.group
    of_version = snapshot.insights["groups"][group]
    places = None if result.is_everything else result.places(snapshot)
    found: dict[str, JsonOutput] = {}
    for key, insight in of_version["fields"].items():
        if fields is None or key in fields:
            check(cancelled)
            found[key] = _field(snapshot, group, key, insight, places)
    return {
        "count": result.total,
        "fields": found,
        "timelines": {
            key: _timeline(snapshot, group, key, timeline, places)
            for key, timeline in of_version.get("timelines", {}).items()
            if fields is None or key in fields
        },
        "locations": _locations(snapshot, group, of_version["locations"], places),
        "labels": _words(snapshot, group, "label", places),
        "types": _words(snapshot, group, "type", places),
    }


def categories_of(insight: InsightJson | None) -> list[str] | None:
    """The categories of a field in the insights of a version; None where it is not counted by any."""
    listed = None if insight is None else insight.get("frequencies")
    return None if listed is None else [each["value"] for each in listed]


def _field(snapshot: Snapshot, group: Group, key: str, insight: InsightJson, places: Positions | None) -> JsonOutput:
    if (histogram := insight.get("histogram")) is not None:
        edges, counts = histogram["edges"], histogram["counts"]
        if places is None:
            present = snapshot.fields(group)[key]["present"]
        else:
            present, counts = codes.counted(codes.of_numbers(snapshot, group, key, edges), len(counts), places)
        return {"present": present, "histogram": {"edges": edges, "counts": counts}}
    if places is None:
        return {"present": snapshot.fields(group)[key]["present"], "frequencies": insight.get("frequencies", [])}
    values = categories_of(insight) or []
    present, counts = codes.counted(codes.of_categories(snapshot, group, key, values), len(values), places)
    listed = [{"value": value, "count": count} for value, count in zip(values, counts, strict=True)]
    return {"present": present, "frequencies": listed}


def _timeline(snapshot: Snapshot, group: Group, key: str, whole: TimelineJson, places: Positions | None) -> JsonOutput:
    values = [each["value"] for each in whole["counts"]]
    if places is None:
        counts = [each["count"] for each in whole["counts"]]
    elif (categories := categories_of(snapshot.insights["groups"][group]["fields"].get(key))) is not None:
        _, of_each = codes.counted(codes.of_categories(snapshot, group, key, categories), len(categories), places)
        totals = np.bincount(codes.dates_of(categories, values), weights=of_each, minlength=len(values) + 1)
        counts = totals[1:].astype(np.int64).tolist()
    else:
        _, counts = codes.counted(codes.of_dates(snapshot, group, key, values), len(values), places)
    present = sum(counts)
    listed = [{"value": value, "count": count} for value, count in zip(values, counts, strict=True)]
    return {"present": present, "unit": whole["unit"], "counts": listed}


def _locations(
    snapshot: Snapshot, group: Group, whole: LocationsJson | None, places: Positions | None
) -> LocationsJson | None:
    if whole is None or places is None:
        return whole
    box = whole["bounds"]
    bounds = Bounds(float(box["south"]), float(box["west"]), float(box["north"]), float(box["east"]))
    size = whole["rows"] * whole["columns"]
    count, counts = codes.counted(codes.of_locations(snapshot, group, bounds), size, places)
    grid = np.array(counts, np.int64).reshape(whole["rows"], whole["columns"])
    rows, columns = np.nonzero(grid)
    cells = np.column_stack([rows, columns, grid[rows, columns]]).tolist()
    return {**whole, "count": count, "cells": cells}


def _words(snapshot: Snapshot, group: Group, word: codes.Word, places: Positions | None) -> list[JsonOutput]:
    """Labels or types with their counts, the most frequent first; those that are not in the result are left out."""
    found = codes.of_words(snapshot, group, word)
    counted = [(value, count) for value, count in zip(found.values, found.counts(places), strict=True) if count]
    return [{"value": value, "count": count} for value, count in sorted(counted, key=lambda each: (-each[1], each[0]))]
