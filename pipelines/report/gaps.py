"""Finds fields that items of one sensor, or scenes of one type, have more often than others, for the page."""

from collections.abc import Collection, Iterable, Mapping

from pipelines.dataset.versions import Version
from pipelines.queries.conditions import Column
from pipelines.report.cuts import Cut, cut
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import FieldJson
from transforms.storage.stored_files import StoredFile

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
    lacking = [key for key, field in fields.items() if field["present"] and field["null"] + field["missing"]]
    states = [state for _, state in sorted(version.states(group).items())]
    if kind is None or not lacking or not states:
        return {}
    keys = sorted(lacking, key=lambda key: (fields[key]["present"], key))[:_MOST_FIELDS]
    columns = {key: Column("metadata", key, fields[key]["storage"]) for key in keys}
    counted = _counted(states, kind, columns.values())
    found: dict[str, list[Kind]] = {}
    for key, column in columns.items():
        rows = [(name, records, missing[column.alias]) for name, records, missing in counted]
        shares = [missing / records for _, records, missing in rows]
        if rows and max(shares) - min(shares) >= _NOTICED:
            found[key] = rows
    return found


def _counted(
    states: Iterable[StoredFile], kind: str, columns: Collection[Column]
) -> list[tuple[Cut | None, int, Mapping[str, int]]]:
    """Each kind of records, how many there are, and how many have no value in each column, by alias.

    Empty if there is one kind, or more than `_MOST_KINDS`.
    """
    # Imported only here: the page of a dataset without missing values does not wait for them.
    import polars as pl  # noqa: PLC0415 - see above

    from pipelines.queries.reading import read_columns  # noqa: PLC0415 - likewise

    nulls = [pl.col(each.alias).null_count() for each in columns]
    parts: list[pl.DataFrame] = []
    for state in states:
        parts.append(read_columns(state, (kind,), columns).group_by(kind).agg(pl.len().alias(_RECORDS), *nulls))
        if parts[-1].height > _MOST_KINDS:
            return []
    counted = pl.concat(parts).group_by(kind).sum()
    if not 1 < counted.height <= _MOST_KINDS:
        return []
    ordered = counted.sort(pl.col(kind).is_null(), -pl.col(_RECORDS).cast(pl.Int64), kind)
    return [
        (None if row[kind] is None else cut(f"{row[kind]}"), row[_RECORDS], row)
        for row in ordered.iter_rows(named=True)
    ]
