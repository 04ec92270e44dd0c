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
from transforms.raw_records import RawRecords
from transforms.rules.export_rows import Group


def by_the_columns(lines: list[bytes], group: Group) -> Any:
    """The result of the parser and the kernels of columns for records: places, columns and metadata.

    Records that only look as if they had large integers, such as texts of many digits, are not left out.
    """
    objects = [value if isinstance(value, dict) else {} for value in parse(lines).values]
    if group == "items":
        (found,) = selected_items(objects)  # all of them have their URL under one key
        return found
    return selected_annotations(objects, prediction=group == "predictions")


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
    dense, cells = tabulated(selection.metadata, selection.shapes)
    assert_frame_equal(pl.DataFrame(found.dense), pl.DataFrame(dense), check_column_order=False)
    assert_frame_equal(found.cells, cells)
    for name, values in found.dense.items():
        if values.dtype == pl.Float64:  # 0.0 and -0.0 are told apart
            assert values.reinterpret(dtype=pl.Int64).to_list() == dense[name].reinterpret(dtype=pl.Int64).to_list()
    return len(found.places)
