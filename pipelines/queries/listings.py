"""Writes the rows that a query finds as NDJSON, CSV or ids."""

from collections.abc import Iterator

import polars as pl

from pipelines.queries.answers import Answer
from pipelines.queries.arranging import IN_ORDER_AT_A_TIME, gathered
from pipelines.queries.evaluation import Matches
from pipelines.queries.partition_frames import REFERENCE_ID
from pipelines.streams import json_text
from transforms.kernels.batch.batch import Positions
from transforms.kernels.publish.rows import publish
from transforms.kernels.writers import text
from transforms.kernels.writers.text import AT_A_TIME, ListedRow
from transforms.storage.states import read_state
from transforms.storage.stored_files import StoredFile

_NOT_A_LINE = r"^\"|[\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]"


def frames(answer: Answer, limit: int | None) -> Iterator[pl.DataFrame]:
    """The rows of an answer as they are published and in its order, at most `AT_A_TIME` rows per frame."""
    if answer.order is None:
        for found in answer.matches(limit):
            yield from published(answer, found)
    else:
        yield from in_order(answer, _first(answer.ordered(), limit))


def in_order(answer: Answer, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows of `Answer.ordered` as they are published, at most `AT_A_TIME` rows per frame."""
    mode = answer.version.manifest["cache_key"]

    def read(state: StoredFile, positions: Positions) -> pl.DataFrame:
        return publish(read_state(state).take(positions), answer.fields, cache_keys=mode).frame

    for frame in gathered(rows, answer.version.states(answer.group), read):
        yield from frame.iter_slices(AT_A_TIME)


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


def ndjson(answer: Answer, limit: int | None) -> Iterator[bytes]:
    """A JSON object for each row: its columns, and its metadata by the original keys, without those that are null."""
    for frame in frames(answer, limit):
        yield from text.ndjson_lines(frame, answer.fields)


def listed_rows(answer: Answer, frame: pl.DataFrame) -> Iterator[ListedRow]:
    """Published rows, their JSON texts as fragments that orjson copies."""
    return text.listed_rows(frame, answer.fields)


def csv(answer: Answer, limit: int | None) -> Iterator[bytes]:
    """A header, then a line for each row, as `transforms.kernels.writers.text.csv_lines`."""
    yield text.csv_header(answer.group, answer.fields)
    for frame in frames(answer, limit):
        yield text.csv_lines(frame, answer.group, answer.fields)


def _first(rows: pl.DataFrame, limit: int | None) -> pl.DataFrame:
    return rows if limit is None else rows.head(limit)
