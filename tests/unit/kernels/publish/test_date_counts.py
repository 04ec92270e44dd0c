"""The dates that a timeline counts: which strings are dates, by which unit, how counts go on from job to job (P3)."""

from collections import Counter
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of

from transforms.kernels.batch.batch import Batch
from transforms.kernels.publish.date_counts import date_counts, days, summed
from transforms.kernels.publish.insights import Counted, counted
from transforms.kernels.publish.rows import Sparse, sparse_columns
from transforms.kernels.summarize.locations import locations
from transforms.rules.dates import day_of

FIELDS: Any = {
    name: {"type": of, "storage": "string", "column": name, "minimum": None, "maximum": None}
    for name, of in (("at", "text"), ("note", "text"), ("word", "categorical"))
}
DAYS = st.sampled_from([date.min, date(1970, 1, 1), date(2023, 12, 31), date(2024, 1, 1), date(2030, 6, 1), date.max])
DATES = st.one_of(DAYS, st.dates(date(2023, 11, 1), date(2024, 4, 1)), st.dates()).map(str)
TIMES = [
    "",
    "T10:00",
    " 10:00:59",
    "T23:59:59.123456789Z",
    "T10:00:00+02:00",
    "T10:00:00-0230",
    "T10:00,5",
    "T24:00",
    "x",
]
TEXTS = st.one_of(
    st.builds("{}{}".format, DATES, st.sampled_from(TIMES)),
    st.sampled_from(["", "2024-02-30", "0000-01-01", "2024-1-1", "\uff12024-01-01", "2024-05-01\n", "\n2024-05-01"]),
)


def days_of(texts: list[str]) -> dict[str, int]:
    return dict(sorted(Counter(day for text in texts if (day := day_of(text))).items()))


def in_unit(days: dict[str, int]) -> dict[str, int]:
    """The same by the words of docs/outputs.md: days within 3 months, months within 20 years, else years."""
    if not days:
        return {}
    first, last = min(days), max(days)
    months = (int(last[:4]) - int(first[:4])) * 12 + int(last[5:7]) - int(first[5:7])
    length = 10 if months <= 2 else 7 if int(last[:4]) - int(first[:4]) < 20 else 4
    found: Counter[str] = Counter()
    for day, count in days.items():
        found[day[:length]] += count
    return dict(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T23:30:00+02:00", "2024-05-01"),
        ("2024-05-01 23:30", "2024-05-01"),
        ("2024-05-01T23:30:00.5Z", "2024-05-01"),
        ("2024-02-29", "2024-02-29"),
        ("2023-02-29", None),
        ("2024-05-01T25:00", None),
        ("2024-05-01\n", None),
        ("20240501", None),
        ("2024-05", None),
        (" 2024-05-01", None),
        ("٢٠٢٤-05-01", None),
    ],
)
def test_dates_are_those_of_iso_8601_with_hyphens(text: str, expected: str | None) -> None:
    assert day_of(text) == expected


@draws(100)
@given(st.lists(TEXTS, max_size=12))
def test_dates_of_a_column_are_those_of_its_strings(texts: list[str]) -> None:
    columns = {name: Sparse.of(pl.Series(texts, dtype=pl.String)) for name in ("at", "word")}
    expected = in_unit(days_of(texts))
    assert date_counts(FIELDS, columns) == ({"at": expected} if expected else {})
    assert days(pl.Series([*texts, None], dtype=pl.String)).to_list() == [*map(day_of, texts), None]


@draws(100)
@given(st.lists(st.lists(TEXTS, max_size=5), max_size=4))
def test_counts_of_parts_are_those_of_the_whole(parts: list[list[str]]) -> None:
    counts = [date_counts(FIELDS, {"at": Sparse.of(pl.Series(part, dtype=pl.String))}) for part in parts]
    expected = in_unit(days_of([text for part in parts for text in part]))
    assert summed(counts) == ({"at": expected} if expected else {})
    assert summed([summed(counts[:2]), summed(counts[2:])]) == summed(counts)


def counted_of(batch: Batch) -> Counted:
    return counted(FIELDS, sparse_columns(batch, dict.fromkeys(FIELDS, "string")), locations(batch.rows))


OBJECTS = st.lists(st.fixed_dictionaries({}, optional={"at": TEXTS, "note": TEXTS, "word": TEXTS}), max_size=5)


@draws(100)
@given(OBJECTS, OBJECTS, OBJECTS)
def test_continued_dates_equal_those_counted_from_scratch(
    stay: list[Any], removed: list[Any], added: list[Any]
) -> None:
    before, after, new = (batch_of(of) for of in (stay + removed, stay + added, added))
    first = Counted.of(orjson.loads(orjson.dumps(counted_of(before).document())), FIELDS)
    columns = sparse_columns(new, dict.fromkeys(FIELDS, "string"))
    changed = first.continued(FIELDS, lambda _: after, batch_of(removed), (columns, locations(new.rows), None))
    assert changed.document() == counted_of(after).document()


def test_rows_are_read_for_dates_only_where_a_finer_unit_is_needed_or_nothing_was_counted() -> None:
    dates = [{"at": f"2024-{month:02d}-01"} for month in range(1, 9)]
    batch = batch_of(dates)
    asked: list[AbstractSet[str]] = []

    def rows(keys: AbstractSet[str]) -> Batch:
        asked.append(keys)
        return batch_of(dates[:2])

    def without(removed: list[Any]) -> None:
        nothing = batch_of([])
        columns = sparse_columns(nothing, dict.fromkeys(FIELDS, "string"))
        counted_of(batch).continued(FIELDS, rows, batch_of(removed), (columns, locations(nothing.rows), None))

    counted_of(batch).continued(FIELDS, rows)
    without(dates[:2])
    assert asked == []
    without(dates[2:])
    assert asked == [{"at"}]
    before = counted_of(batch).document()
    del before["dates"]
    assert Counted.of(before, FIELDS).continued(FIELDS, rows).dates == {"at": {"2024-01-01": 1, "2024-02-01": 1}}
    assert asked[1:] == [{"at", "note"}]
