"""Finds fields that items of one sensor, or scenes of one type, have more often than others, for the page."""

from collections.abc import Mapping

import polars as pl

from pipelines.dataset.versions import Version
from pipelines.queries.conditions import Column
from pipelines.queries.reading import read_columns
from pipelines.report.cuts import Cut, cut
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import FieldJson

_TOLD_APART: Mapping[Group, str] = {"items": "sensor", "scenes": "type"}
"""The column by which records of a group are told apart."""
_MOST_KINDS = 12
_MOST_FIELDS = 100
"""Fields that are looked at, those that are missing most often first."""
_NOTICED = 0.1
"""The difference between two shares of records with a value from which on it is told."""
_RECORDS = "records"
Kind = tuple[Cut | None, int, int]
"""A sensor or a type, None for records without one; its records, and how many of them have no value."""


def gaps(version: Version, group: Group, fields: Mapping[str, FieldJson]) -> dict[str, list[Kind]]:
    """Field to where it is missing: each sensor of items, or type of scenes, the largest first, those without one last.

    Only fields whose share of missing values differs between them, and of no more than `_MOST_KINDS` of them.
    """
    kind = _TOLD_APART.get(group)
    lacking = {key: field for key, field in fields.items() if field["present"] and field["null"] + field["missing"]}
    states = [state for _, state in sorted(version.states(group).items())]
    if kind is None or not lacking or not states:
        return {}
    known = pl.concat([read_columns(state, (kind,), ())[kind].unique() for state in states]).n_unique()
    if not 1 < known <= _MOST_KINDS:
        return {}
    keys = sorted(lacking, key=lambda key: (lacking[key]["present"], key))[:_MOST_FIELDS]
    columns = {key: Column("metadata", key, lacking[key]["storage"]) for key in keys}
    nulls = [pl.col(each.alias).null_count() for each in columns.values()]
    parts = [
        read_columns(state, (kind,), columns.values()).group_by(kind).agg(pl.len().alias(_RECORDS), *nulls)
        for state in states
    ]
    counted = pl.concat(parts).group_by(kind).sum().sort(pl.col(kind).is_null(), -pl.col(_RECORDS).cast(pl.Int64), kind)
    names = [None if each is None else cut(f"{each}") for each in counted[kind].to_list()]
    found: dict[str, list[Kind]] = {}
    for key, column in columns.items():
        rows = list(zip(names, counted[_RECORDS].to_list(), counted[column.alias].to_list(), strict=True))
        shares = [missing / records for _, records, missing in rows]
        if max(shares) - min(shares) >= _NOTICED:
            found[key] = rows
    return found
