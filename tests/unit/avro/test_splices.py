"""Rows of an Avro part replaced: the bytes of a part that is written anew, and nothing read beyond a damaged block."""

import io
import itertools
import random
from collections.abc import Mapping
from unittest import mock

import fastavro
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.avro import blocks as avro_blocks
from transforms.avro import parts as avro_parts
from transforms.avro import rows as avro_rows
from transforms.avro import snappy as avro_snappy
from transforms.avro import splices as avro_splices
from transforms.avro.blocks import MOST_ROWS, RowType, cut
from transforms.avro.parts import avro_container, framed, header, marker
from transforms.avro.rows import encoded
from transforms.avro.snappy import Word
from transforms.avro.splices import AvroPart, Damaged, can_splice
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
WORD = Word.of("cached", "upload")
KEY_TYPE = RowType(cache_key_schema())
ITEM = RowType(row_schema("items", {"a": {"column": "a", "storage": "long"}})).code


def opened(data: bytes, schema: Mapping[str, object]) -> AvroPart:
    part = AvroPart.of(data, schema)
    assert part is not None
    return part


def container(frame: pl.DataFrame) -> bytes:
    return b"".join(avro_container(frame, cache_key_schema(), word=WORD))


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
    part = opened(container(rows(before)), cache_key_schema())
    found = b"".join(part.spliced(np.array(gone, np.int64), encoded(new, KEY_TYPE), places))
    for piece_bytes in (1, 20_000):
        with mock.patch.object(avro_splices, "_PIECE_BYTES", piece_bytes):
            assert b"".join(part.spliced(np.array(gone, np.int64), encoded(new, KEY_TYPE), places)) == found
    whole = pl.concat([rows([number for number in left if number not in set(come)]), new]).sort("cache_key")
    return found, container(whole)


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


COUNT = 5_000


@pytest.mark.parametrize(
    "gone", [[0, 7, 1_600, 1_601, COUNT - 1], [*range(5, 600)], [*range(0, COUNT, 10)], [*range(COUNT)], []]
)
@pytest.mark.parametrize(
    "come", [[3, 5, 2 * COUNT + 2], [*range(1, 1_000, 2)], [*range(1, 2 * COUNT, 101)], [2 * COUNT], []]
)
def test_blocks_are_cut_where_those_of_a_new_part_are(gone: list[int], come: list[int]) -> None:
    found, expected = replaced([*range(0, COUNT * 2, 2)], gone, [number + number % 2 - 1 for number in come])
    assert found == expected


@pytest.mark.parametrize("every", [100, 10, 1])
def test_rows_are_replaced_where_they_are(every: int) -> None:
    places = [*range(3, COUNT, every)]
    found, expected = replaced([*range(COUNT)], places, places)
    assert found == expected


def test_blocks_without_a_change_are_copied() -> None:
    held = container(rows([*range(COUNT)]))
    part = opened(held, cache_key_schema())
    new = encoded(rows([77], "new"), KEY_TYPE)
    pieces = [*part.spliced(np.array([77]), new, np.array([77]))]
    copied = [piece for piece in pieces if isinstance(piece, memoryview)]
    assert all(piece.obj is held for piece in copied)
    assert sum(map(len, copied)) > 0.9 * len(held)


def test_a_part_that_was_cut_by_another_rule_is_cut_anew() -> None:
    ((count, data),) = [(COUNT, b"".join(data for _, data in encoded(rows([*range(COUNT)]), KEY_TYPE)))]
    assert count > MOST_ROWS
    of_key = cache_key_schema()
    old = b"".join((header(of_key), *framed([(count, data)], marker(of_key))))
    found = b"".join(opened(old, of_key).spliced(np.array([5]), encoded(rows([5]), KEY_TYPE), np.array([5])))
    assert found == container(rows([*range(COUNT)]))
    found = b"".join(opened(old, of_key).reworded(WORD))
    assert found == container(rows([*range(COUNT)]).with_columns(action=pl.lit("upload")))


def reworded(held: pl.DataFrame) -> bytes:
    return b"".join(opened(container(held), cache_key_schema()).reworded(WORD))


def test_a_word_is_another_one_everywhere() -> None:
    held = rows([*range(COUNT)])
    assert reworded(held) == container(held.with_columns(action=pl.lit("upload")))
    some = held.with_columns(action=pl.when(pl.col("cache_key") < "001").then(pl.lit("cached")))
    assert reworded(some) == container(some.with_columns(action=pl.col("action").replace("cached", "upload")))
    assert reworded(held.head(0)) == container(held.head(0))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["cached", "upload", "", None]), max_size=3), st.data())
def test_a_word_is_another_one_among_other_texts_with_it(actions: list[str | None], data: st.DataObject) -> None:
    held = rows([*range(data.draw(st.integers(0, 600)))])
    texts = st.lists(st.sampled_from(["cached", "upload", "\x0c", "\x02\x0ccached", "ached\x02", "e"]), max_size=6)
    urls = [data.draw(texts.map("".join)) for _ in range(3)]
    height = held.height
    held = held.with_columns(
        url=pl.Series([urls[number % 3] for number in range(height)], dtype=pl.String),
        action=pl.Series(
            [(actions or ["cached"])[number // 7 % len(actions or "c")] for number in range(height)], dtype=pl.String
        ),
    )
    expected = held.with_columns(action=pl.col("action").replace("cached", "upload"))
    with mock.patch.object(avro_splices, "_PIECE_BYTES", data.draw(st.sampled_from([1, 1 << 20]))):
        assert reworded(held) == container(expected)
    again = [row["action"] for row in fastavro.reader(io.BytesIO(reworded(held)))]
    assert again == expected["action"].to_list()


def test_blocks_in_which_only_a_word_changes_are_not_compressed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    held = rows([*range(COUNT)])
    before, after = container(held), container(held.with_columns(action=pl.lit("upload")))
    calls: list[object] = []
    monkeypatch.setattr(avro_snappy, "compressed", calls.append)
    assert b"".join(opened(before, cache_key_schema()).reworded(WORD)) == after
    assert not calls


def test_a_block_that_is_not_what_its_checksum_says_is_damaged() -> None:
    data = container(rows([*range(50)]))
    part = opened(data[:-20] + bytes((data[-20] ^ 1,)) + data[-19:], cache_key_schema())
    nothing = np.empty(0, np.int64)
    with pytest.raises(Damaged, match="checksum"):
        list(part.reworded(WORD))
    with pytest.raises(Damaged, match="checksum"):
        list(part.spliced(np.array([3]), [], nothing))
    assert b"".join(part.spliced(nothing, [], nothing)) == bytes(part._data), "nothing looks into it"


def test_a_word_is_exchanged_alike_without_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    held = rows([*range(900)]).with_columns(action=pl.lit("upload"))
    some = held.with_columns(action=pl.when(pl.col("cache_key") < "000400").then(pl.lit("cached")))
    expected = [container(held), container(some)]
    for module in (avro_blocks, avro_parts, avro_rows, avro_splices):
        monkeypatch.setattr(module, "_avro_rows", None)
    assert [container(held), container(some)] == expected


def test_words_have_one_length() -> None:
    for words in (("cached", "loaded up"), ("a" * 64, "b" * 64)):
        with pytest.raises(ValueError, match="two words of one length"):
            Word.of(*words)


def test_other_rows_and_other_bytes_are_refused() -> None:
    held = container(rows([*range(COUNT)]))
    assert AvroPart.of(held, row_schema("items", {})) is None, "of another schema"
    assert AvroPart.of(held[:400] + b"x" + held[401:], cache_key_schema()) is None, "damaged at its front"
    assert AvroPart.of(held.replace(b"avro.codec", b"avro.other", 1), cache_key_schema()) is None, "by another library"
    for damaged in (held[:-1], held[:-40], held + b"x"):
        assert AvroPart.of(damaged, cache_key_schema()) is None
    with pytest.raises(ValueError, match="rows of this type"):
        list(opened(held, cache_key_schema()).spliced(np.array([0]), [(1, b"\2\4a")], np.array([0])))


TEXTS = st.lists(
    st.sampled_from(["a", "ab" * 40, "é" * 9, "0123456789abcdef" * 5, "\x00" * 300]) | st.text(max_size=200),
    max_size=12,
).map("".join)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8), st.integers(1, 3_000))
def test_what_snappy_made_is_read_as_the_library_reads_it(texts: list[str], height: int) -> None:
    held = rows([*range(height)])
    chance = random.Random(height)
    held = held.with_columns(url=pl.Series([chance.choice(texts) + str(chance.random()) for _ in range(height)]))
    part = opened(container(held), cache_key_schema())
    with mock.patch.object(AvroPart, "_is_cut_otherwise", new=True):  # so that no block is copied
        nothing = np.empty(0, np.int64)
        assert b"".join(part.spliced(nothing, [], nothing)) == container(held)


def test_any_damage_within_a_block_is_found() -> None:
    held = container(rows([*range(300)]))
    begin = len(header(cache_key_schema()))
    expected = list(fastavro.reader(io.BytesIO(held)))
    chance = random.Random(5)
    found = 0
    for _ in range(3_000):
        damaged = bytearray(held)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(begin, len(held))] = chance.randrange(256)
        place = np.array([chance.randrange(300)])
        part = AvroPart.of(bytes(damaged), cache_key_schema())
        try:
            if part is not None:
                b"".join(part.spliced(place, [], np.empty(0, np.int64)))
                b"".join(part.reworded(WORD))
        except Damaged:
            part = None
        found += part is None
        if part is not None and damaged != held:  # snappy can say the same in another way
            assert list(fastavro.reader(io.BytesIO(damaged))) == expected
    assert 2_900 < found < 3_000


def test_slabs_are_cut_as_one() -> None:
    whole = [*encoded(rows([*range(COUNT)]), KEY_TYPE)]
    data = b"".join(block for _, block in whole)
    starts = KEY_TYPE.row_starts(data, COUNT).tolist()
    for bounds in ([0, COUNT], [0, 1, 2, 40, 2_000, 2_000, COUNT]):
        slabs = [(stop - start, data[starts[start] : starts[stop]]) for start, stop in itertools.pairwise(bounds)]
        assert [*cut(slabs, KEY_TYPE)] == whole


def test_a_block_that_is_damaged_is_refused() -> None:
    count, of_key = 40, KEY_TYPE.code
    data = b"".join(block for _, block in encoded(rows([*range(count)]), KEY_TYPE))
    starts = np.frombuffer(avro_splices._avro_rows.row_starts(data, count, of_key), np.int64)
    assert (starts[0], starts[-1], len(starts)) == (0, len(data), count + 1)
    for length in range(len(data)):
        with pytest.raises(ValueError, match="expected 40 rows of this type"):
            avro_splices._avro_rows.row_starts(data[:length], count, of_key)
    for wrong in (count - 1, count + 1, -1, 2**40):
        with pytest.raises(ValueError, match="rows of this type"):
            avro_splices._avro_rows.row_starts(data, wrong, of_key)
    for length in range(len(of_key)):
        with pytest.raises(ValueError, match="rows of this type"):
            avro_splices._avro_rows.row_starts(data, count, of_key[:length])


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
