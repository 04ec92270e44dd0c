"""Sorts the rows of a result by a path of the query language."""

from functools import partial

import numpy as np
import polars as pl

from pipelines.explore.problems import HintedError
from pipelines.explore.results import Result
from pipelines.explore.snapshots import Snapshot
from pipelines.queries.conditions import All, Count, Order, Value
from pipelines.queries.expressions import column
from pipelines.queries.faults import QueryError, QueryFault, query_error
from pipelines.queries.parser import parse_query
from pipelines.queries.partition_frames import REFERENCE_ID, Needs, annotation_frames, rows_frame, scenes_frame
from pipelines.queries.resolution import resolve_order
from pipelines.queries.syntax import Span
from transforms.kernels.batch.batch import Positions
from transforms.rules.export_rows import GROUPS, Group
from transforms.storage.states import state_file

_VALUE = "value"
_ORDER_BY = "ORDER BY "


def order(snapshot: Snapshot, result: Result, sort: str, *, descending: bool) -> Positions:
    """The order of the rows of a result: int64[total], indices into its rows as it lists them.

    Args:
        snapshot: The version of the result.
        result: The rows.
        sort: A path; rows without a value come last, and rows with the same one by reference id.
        descending: Whether the greatest value comes first.

    Raises:
        HintedError: The path names nothing, or something that a row has several of.
    """
    operand = _operand(snapshot, result.group, sort)
    make = partial(_values, snapshot, result.group, operand)
    values = snapshot.cache.get(("values", result.group, operand), make, lambda each: int(each.estimated_size()))
    places = result.places(snapshot)
    by_identity = np.argsort(ranks(snapshot, result.group)[places])
    return by_identity[_stable_order(values.gather(places[by_identity]), descending=descending)]


def _stable_order(values: pl.Series, *, descending: bool) -> Positions:
    """The order of numbers, int64[N]: nulls last, equal ones as they are given, in either direction."""
    there = values.is_not_null().to_numpy()
    numbers = values.drop_nulls().to_numpy()
    if descending:  # backwards from the end, so that equal ones come as they are given
        order = len(numbers) - 1 - np.argsort(numbers[::-1], kind="stable")[::-1]
    else:
        order = np.argsort(numbers, kind="stable")
    return np.concatenate([np.flatnonzero(there)[order], np.flatnonzero(~there)])


def _operand(snapshot: Snapshot, group: Group, sort: str) -> Value | Count:
    text = f"{_ORDER_BY}{sort}"
    try:
        tree = parse_query(text)
        if tree.order is None or tree.order.descending or tree.sample is not None:
            fault = QueryFault("expected one path to sort by", Span(len(_ORDER_BY), len(text)), "write a single field")
            raise query_error(text, fault)
        return resolve_order(text, tree.order, group, snapshot.names).by
    except QueryError as error:
        # No place: those of an answer are places in the query, and this is another parameter.
        told = error.document
        raise HintedError(f"expected sort to be one path, got {sort}: {told['message']}", told["hints"]) from None


def _values(snapshot: Snapshot, group: Group, operand: Value | Count) -> pl.Series:
    """The values of all rows of a group, partition by partition; for texts numbers in their order."""
    needs = Needs.of(All(()), Order(operand, descending=False))
    files = {each: snapshot.version.states(each) for each in GROUPS}
    read = snapshot.columns.read
    scenes = scenes_frame(files["scenes"].values(), needs.scene, read) if needs.scene else None
    name = needs.counts[operand] if isinstance(operand, Count) else column(operand.place, operand.column)
    found = []
    for number in sorted(files[group]):
        states = {each: of[number] for each, of in files.items() if number in of}
        annotations = annotation_frames(states, needs, read)
        found.append(rows_frame(group, states, needs, scenes, annotations, read)[name].alias(_VALUE))
    values = pl.concat(found) if found else pl.Series(_VALUE, [], pl.Int64)
    return values if values.dtype.is_numeric() else _numbered(values)


def _numbered(texts: pl.Series) -> pl.Series:
    """For each text its place among all different ones, by code point."""
    names = texts.drop_nulls().unique().sort()
    return texts.replace_strict(names, pl.int_range(len(names), dtype=pl.Int64, eager=True), default=None)


def ranks(snapshot: Snapshot, group: Group) -> Positions:
    """The rank of each row of a group by its reference id, partition by partition: int64[N]; made once."""
    return snapshot.cache.get(("ranks", group), partial(_ranks, snapshot, group), lambda each: each.nbytes)


def _ranks(snapshot: Snapshot, group: Group) -> Positions:
    states = snapshot.version.states(group)
    found = [state_file(states[number]).reference_ids() for number in sorted(states)]
    if not found:
        return np.empty(0, np.int64)
    # Rows of one reference id are in one partition, by their identity: their position decides, as the sort is stable.
    order = pl.concat(found).alias(REFERENCE_ID).to_frame().with_row_index().sort(REFERENCE_ID, maintain_order=True)
    ranks = np.empty(order.height, np.int64)
    ranks[order["index"].to_numpy()] = np.arange(order.height)
    return ranks
