"""Rows of an Avro part replaced: the bytes of a part that is written anew, and nothing read beyond a damaged block."""

import io
import random

import fastavro
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.formats import avro_splices
from transforms.formats.avro_parts import ROWS_PER_BLOCK, avro_container
from transforms.formats.avro_rows import encoded
from transforms.formats.avro_splices import can_splice, spliced
from transforms.rules.avro_schema import cache_key_schema, row_schema

pytestmark = pytest.mark.skipif(not can_splice(), reason="the extension was not built: no C compiler")

KEYS = pl.Schema(
    {
        "cache_key": pl.String(),
        "url": pl.String(),
        "kind": pl.String(),
        "reference_id": pl.String(),
        "first_version": pl.Int64(),
        "action": pl.String(),
    }
)
ITEM = avro_splices._type(row_schema("items", {"a": {"column": "a", "storage": "long"}}))


def rows(numbers: list[int], by: str = "") -> pl.DataFrame:
    """A row for each number, of lengths that differ, with nulls."""
    columns = [
        [f"{number:06d}" for number in numbers],
        [None if number % 3 == 0 else "u" * (number % 90) for number in numbers],
        [by or None for _ in numbers],
        [f"é{number}" for number in numbers],
        [None if number % 5 == 0 else number**3 - 2**40 for number in numbers],
        ["cached"] * len(numbers),
    ]
    return pl.DataFrame(dict(zip(KEYS, columns, strict=True)), schema=KEYS)


def replaced(before: list[int], gone: list[int], come: list[int]) -> tuple[bytes, bytes]:
    """(the part spliced, the part written anew); numbers are sorted and distinct."""
    left = sorted({*before} - {*(before[place] for place in gone)} | {*come})
    places = np.array([left.index(number) for number in come], np.int64)
    new = rows(come, "new")
    block = next(iter(encoded(new, max(1, len(come)))), (0, b""))
    part = avro_container(rows(before), cache_key_schema())
    found = spliced(part, np.array(gone, np.int64), block, places, cache_key_schema())
    whole = pl.concat([rows([number for number in left if number not in set(come)]), new]).sort("cache_key")
    return found, avro_container(whole, cache_key_schema())


@settings(max_examples=80, deadline=None)
@given(st.sets(st.integers(0, 60)), st.data())
def test_a_spliced_part_is_what_is_written_anew(before: set[int], data: st.DataObject) -> None:
    held = sorted(before)
    gone = sorted(data.draw(st.sets(st.integers(0, len(held) - 1)))) if held else []
    free = [number for number in range(70) if number not in before or number in {held[place] for place in gone}]
    come = sorted(data.draw(st.sets(st.sampled_from(free))))
    found, expected = replaced(held, gone, come)
    assert found == expected
    assert all(row["kind"] in (None, "new") for row in fastavro.reader(io.BytesIO(found)))


@pytest.mark.parametrize("gone", [[0, 7, ROWS_PER_BLOCK - 1, ROWS_PER_BLOCK], [*range(5, 600)], []])
@pytest.mark.parametrize("come", [[3, 5, ROWS_PER_BLOCK * 4], [*range(1, 1_000, 2)], []])
def test_blocks_are_cut_where_those_of_a_new_part_are(gone: list[int], come: list[int]) -> None:
    found, expected = replaced([*range(0, ROWS_PER_BLOCK * 4 - 2, 2)], gone, come)
    assert found == expected


def test_a_block_that_is_damaged_is_refused() -> None:
    ((count, data),) = encoded(rows([*range(40)]), 100)
    of_key = avro_splices._type(cache_key_schema())
    starts = np.frombuffer(avro_splices._avro_rows.row_starts(data, count, of_key), np.int64)
    assert (starts[0], starts[-1], len(starts)) == (0, len(data), count + 1)
    for length in range(len(data)):
        with pytest.raises(ValueError, match="expected 40 rows of this type"):
            avro_splices._avro_rows.row_starts(data[:length], count, of_key)
    for wrong in (count - 1, count + 1, -1, 2**40):
        with pytest.raises(ValueError, match="rows of this type"):
            avro_splices._avro_rows.row_starts(data, wrong, of_key)
    for cut in range(len(of_key)):
        with pytest.raises(ValueError, match="rows of this type"):
            avro_splices._avro_rows.row_starts(data, count, of_key[:cut])


@pytest.mark.parametrize("of_row", [ITEM, b"a" * 40, b"r\x01\x00" * 40, b"r\x02\x00as" + b"ar\x02\x00ld", b"?"])
def test_any_bytes_are_rows_or_are_refused(of_row: bytes) -> None:
    chance = random.Random(of_row)
    for _ in range(2_000):
        data = bytes(chance.choices([0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, chance.randrange(256)], k=chance.randrange(40)))
        try:
            starts = np.frombuffer(avro_splices._avro_rows.row_starts(data, chance.randrange(4), of_row), np.int64)
        except ValueError:
            continue
        assert starts[0] == 0
        assert starts[-1] == len(data)
        assert (np.diff(starts) >= 0).all()
