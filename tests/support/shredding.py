"""Compares what the extension takes of raw records with what the parser and the rules give."""

from typing import Any

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from transforms.kernels.batch.exact_json import parse
from transforms.kernels.batch.metadata_columns import tabulated
from transforms.kernels.normalize import fast_path, native_json
from transforms.kernels.normalize.annotations import selected_annotations
from transforms.kernels.normalize.items import selected_items
from transforms.kernels.normalize.selection import Selection
from transforms.raw_records import RawRecords
from transforms.rules.export_rows import Group


def by_the_columns(lines: list[bytes], group: Group) -> Any:
    """The result of the parser and the kernels of columns for records: places, columns and metadata.

    Records that only look as if they had large integers, such as texts of many digits, are not left out.
    """
    objects = [value if isinstance(value, dict) else {} for value in parse(lines).values]
    if group == "items":
        return _merged(list(selected_items(objects)))
    return selected_annotations(objects, prediction=group == "predictions")


def _merged(selections: list[Selection]) -> Selection:
    """Selections of items, by the key of their URL, as one, in the order of the records."""
    if len(selections) == 1:
        return selections[0]
    every = [(each, row) for each in selections for row in range(len(each.places))]
    every.sort(key=lambda one: one[0].places[one[1]])
    columns: dict[str, Any] = {}
    for name in {name for each in selections for name in each.columns}:
        columns[name] = [each.columns[name][row] if name in each.columns else None for each, row in every]
    places = [each.places[row] for each, row in every]
    return Selection(places, columns, [each.metadata[row] for each, row in every])


def shredded(records: RawRecords, group: Group) -> native_json.Shredded | None:
    """What the extension and the kernel around it make of records."""
    return fast_path.shredded(records, group, "run")


def check_agreement(lines: list[bytes], group: Group) -> int:
    """Compares what is taken with what the columns give for the same records; returns how many were taken."""
    records = RawRecords.of(lines)
    found = shredded(records, group)
    block = b"".join(line + b"\r\n" for line in lines)
    starts = records.starts + np.arange(len(lines))  # of two bytes of a line end one more lies in front of each
    again = shredded(RawRecords(block, starts, starts + records.ends - records.starts), group)
    if found is None:
        assert again is None
        return 0
    assert again is not None
    taken = native_json.items(records) if group == "items" else found
    is_whole = taken is not None and len(taken.places) == len(found.places)
    assert again.places.tolist() == found.places.tolist(), "whatever line ends there are"
    found.columns.pop("model_run", None)
    selection = by_the_columns([lines[place] for place in found.places], group)
    assert selection.places == list(range(len(found.places))), "whatever is taken is plain"
    names = set(selection.columns) | set(found.columns)
    for name in names:
        theirs = selection.columns.get(name, [None] * len(selection.places))
        series = theirs if isinstance(theirs, pl.Series) else pl.Series(values=theirs)
        ours = found.columns[name].to_list() if name in found.columns else [None] * len(selection.places)
        assert ours == series.to_list(), name
    if not is_whole:  # whether a column is dense was decided with the rows that were taken out
        return len(found.places)
    dense, cells = tabulated(selection.metadata, selection.shapes)
    assert_frame_equal(pl.DataFrame(found.dense), pl.DataFrame(dense), check_column_order=False)
    assert_frame_equal(found.cells, cells)
    for name, values in found.dense.items():
        if values.dtype == pl.Float64:  # 0.0 and -0.0 are told apart
            assert values.reinterpret(dtype=pl.Int64).to_list() == dense[name].reinterpret(dtype=pl.Int64).to_list()
    return len(found.places)
