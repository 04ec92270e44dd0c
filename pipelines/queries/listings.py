"""Writes the rows that a query finds as NDJSON, CSV or ids."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import orjson
import polars as pl

from pipelines.queries.answers import Answer
from pipelines.queries.arranging import PARTITION
from pipelines.queries.evaluation import Matches
from pipelines.queries.partition_frames import REFERENCE_ID, ROW
from pipelines.streams import json_text
from transforms.kernels.publish.rows import publish
from transforms.rules.avro_schema import COLUMNS, stored_fields
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import StoredFieldJson
from transforms.storage.states import read_state

AT_A_TIME = 20_000
"""Rows that are formatted at a time."""
IN_ORDER_AT_A_TIME = 200_000
"""Rows that are read at a time where they come in an order."""
JSON_COLUMNS = frozenset({"camera_params", "geometry", "class_pdf", "extra"})
"""Columns of JSON texts."""
ATTACHMENTS = "context_attachments"
_NOT_A_LINE = r"^\"|[\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]"
LISTS = frozenset({ATTACHMENTS, "labels"})
RECORDS: Mapping[str, tuple[str, ...]] = {"location": ("latitude", "longitude"), "source": ("export", "offset")}


def frames(answer: Answer, limit: int | None) -> Iterator[pl.DataFrame]:
    """The rows of an answer as they are published and in its order, at most `AT_A_TIME` rows per frame."""
    if answer.order is None:
        for found in answer.matches(limit):
            yield from published(answer, found)
    else:
        yield from in_order(answer, _first(answer.ordered(), limit))


def in_order(answer: Answer, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows of `Answer.ordered` as they are published, at most `AT_A_TIME` rows per frame.

    Neighbours are from many partitions: many rows are gathered at a time, so that each partition is read few times.
    """
    states = answer.version.states(answer.group)
    mode = answer.version.manifest["cache_key"]
    for window in rows.iter_slices(IN_ORDER_AT_A_TIME):
        found, places = [], []
        for part in window.with_row_index("place").partition_by(PARTITION, maintain_order=True):
            batch = read_state(states[part.item(0, PARTITION)]).take(part[ROW].to_numpy().astype(np.int64))
            found.append(publish(batch, answer.fields, cache_keys=mode).frame)
            places.append(part["place"])
        yield from pl.concat(found)[pl.concat(places).arg_sort()].iter_slices(AT_A_TIME)


def published(answer: Answer, found: Matches) -> Iterator[pl.DataFrame]:
    """The matching rows as they are published, `AT_A_TIME` rows per frame."""
    mode = answer.version.manifest["cache_key"]
    batch = read_state(found.state)
    for start in range(0, len(found.positions), AT_A_TIME):
        some = batch.take(found.positions[start : start + AT_A_TIME])
        yield publish(some, answer.fields, cache_keys=mode).frame


def ids(answer: Answer, limit: int | None) -> Iterator[bytes]:
    """The reference id of each row, one per line.

    An id that contains a control character or a line end, or begins with a quote, is written as a JSON string. So each
    line is one id, and lines that begin with a quote are read as JSON.
    """
    series = (found.reference_ids for found in answer.matches(limit))
    if answer.order is not None:
        series = (rows[REFERENCE_ID] for rows in _first(answer.ordered(), limit).iter_slices(IN_ORDER_AT_A_TIME))
    for names in series:
        lines = names.to_list()
        if names.str.contains(_NOT_A_LINE).any():
            odd = names.str.contains(_NOT_A_LINE).to_list()
            lines = [json_text(name) if each else name for name, each in zip(lines, odd, strict=True)]
        yield "".join(f"{each}\n" for each in lines).encode()


class ListedRow(NamedTuple):
    """A published row for orjson.

    Attributes:
        columns: Name to value, of all columns but the metadata.
        metadata: Key to value; keys without a value are left out.
    """

    columns: dict[str, object]
    metadata: dict[str, object]


def ndjson(answer: Answer, limit: int | None) -> Iterator[bytes]:
    """A JSON object for each row: its columns, and its metadata by the original keys, without those that are null."""
    for frame in frames(answer, limit):
        for row in listed_rows(answer, frame):
            yield orjson.dumps(row.columns | {"metadata": row.metadata}) + b"\n"


def listed_rows(answer: Answer, frame: pl.DataFrame) -> Iterator[ListedRow]:
    """Published rows, their JSON texts as fragments that orjson copies."""
    columns = {name: list(_listed(frame[name], name)) for name in frame.columns if name != "metadata"}
    for row, metadata in enumerate(_metadata(answer, frame)):
        yield ListedRow({name: values[row] for name, values in columns.items()}, metadata)


def _metadata(answer: Answer, frame: pl.DataFrame) -> list[dict[str, object]]:
    """The metadata of each row, built field by field, because a row has few of many fields."""
    found: list[dict[str, object]] = [{} for _ in range(frame.height)]
    stored = stored_fields(answer.fields)
    columns = frame["metadata"].struct.unnest() if stored else frame
    for key, name, storage in stored:
        values = columns.get_column(name)
        if values.null_count() == frame.height:
            continue
        for row, value in enumerate(values.to_list()):
            if value is not None:
                found[row][key] = _fragment(value) if storage == "json" else value
    return found


def csv(answer: Answer, limit: int | None) -> Iterator[bytes]:
    """A header, then a line for each row, with a column for each field; lists and objects are JSON texts.

    A missing value is empty, an empty string is in quotes.
    """
    names = header(answer.group, answer.fields)
    yield pl.DataFrame(schema=dict.fromkeys(names, pl.String)).write_csv().encode()
    for frame in frames(answer, limit):
        yield flattened(frame, names, answer.fields).write_csv(include_header=False).encode()


def header(group: Group, fields: Mapping[str, StoredFieldJson]) -> list[str]:
    """The columns of CSV: core columns, parts of records as `location.latitude`, fields as `metadata.KEY`."""
    core = (name for name, _ in COLUMNS[group])
    metadata = (f"metadata.{key}" for key, _, _ in stored_fields(fields))
    return [*_parts(core), *metadata, *_parts(("extra", "source"))]


def _parts(names: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield from (f"{name}.{part}" for part in RECORDS[name]) if name in RECORDS else (name,)


def flattened(frame: pl.DataFrame, names: list[str], fields: Mapping[str, StoredFieldJson]) -> pl.DataFrame:
    """Published rows with a column for each name of `header`; lists are JSON texts."""
    stored = {f"metadata.{key}": name for key, name, _ in stored_fields(fields)}
    metadata = frame["metadata"].struct.unnest() if stored else frame
    columns = []
    for name in names:
        record, _, part = name.partition(".")
        if name in stored:
            values = metadata.get_column(stored[name])
        elif part:
            values = frame[record].struct[part]
        elif name in LISTS:
            texts = [None if each is None else orjson.dumps(each).decode() for each in _listed(frame[name], name)]
            values = pl.Series(texts, dtype=pl.String)
        else:
            values = frame[name]
        columns.append(values.alias(name))
    return pl.DataFrame(columns)


def _listed(values: pl.Series, name: str) -> Iterator[object]:
    """The values of a column for orjson."""
    for each in values.to_list():
        if each is None:
            yield None
        elif name == ATTACHMENTS:
            yield [{**one, "metadata": _fragment(one["metadata"])} for one in each]
        else:
            yield _fragment(each) if name in JSON_COLUMNS else each


def _fragment(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)


def _first(rows: pl.DataFrame, limit: int | None) -> pl.DataFrame:
    return rows if limit is None else rows.head(limit)
