"""Stored columns are believed nothing: whatever bytes have the right digest, no reader crashes (P7)."""

import json
import random
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from transforms.errors import DamagedFileError
from transforms.kernels.batch.arrow_ipc import ArrowFile, to_arrow
from transforms.kernels.batch.batch import CELLS, Batch, EncodedBatch
from transforms.kernels.batch.expected_columns import ExpectedColumns
from transforms.kernels.batch.state_files import StateFile
from transforms.rules.fields import GroupSummary
from transforms.rules.strings import check_sketch, distinct, summarize_distinct
from transforms.rules.summary_json import group_from_json, group_to_json
from transforms.storage.states import read_state
from transforms.storage.stored_files import StoredFile, store
from transforms.storage.summaries import read_counted, read_summaries

DTYPES = {"text": pl.String(), "many": pl.String(), "number": pl.Int64(), "sure": pl.Boolean(), "none": pl.Float64()}
STORED = ExpectedColumns(
    "d/versions/000001/state/items/part-00000-of-00001.arrow", 64, lambda name: DTYPES.get(name.partition(":")[0])
)
FRAME = pl.DataFrame(
    {
        "text": [f"text {n}" for n in range(64)],
        "many": ["a", "b"] * 32,
        "number": list(range(64)),
        "sure": [None, True] * 32,
        "none": [None] * 64,
    },
    schema=DTYPES,
)


def written(table: pa.Table, batches: int = 1) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        for _ in range(batches):
            writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


OFFSETS = struct.pack("<65q", *range(65))
TEXTS = written(pa.table({"text": pa.array(["x"] * 64, pa.large_string())}))
assert OFFSETS in TEXTS
INDICES = bytes([0, 1] * 32)


def patched(data: bytes, was: bytes, now: bytes) -> bytes:
    assert was in data
    return data.replace(was, now)


NUMBERED = written(
    pa.table(
        {
            "text": pa.DictionaryArray.from_arrays(
                pa.array(list(INDICES), pa.int8()), pa.array(["x", "y"], pa.large_string())
            )
        }
    )
)
PREPARED: dict[str, bytes] = {
    "texts with offsets of four bytes": written(pa.table({"text": pa.array(["x"] * 64, pa.string())})),
    "offsets beyond the texts": patched(TEXTS, OFFSETS, struct.pack("<65q", *range(64), 2**40)),
    "offsets that go back": patched(TEXTS, OFFSETS, struct.pack("<65q", *range(64, -1, -1))),
    "texts that are no UTF-8": patched(TEXTS, b"x" * 64, b"\xff" * 64),
    "numbers of no text": patched(NUMBERED, INDICES, bytes([0, 9] * 32)),
    "another type": written(pa.table({"number": pa.array([1.5] * 64)})),
    "an unknown column": written(pa.table({"other": pa.array([1] * 64)})),
    "a column twice": written(pa.Table.from_arrays([pa.array([1] * 64)] * 2, names=["number", "number"])),
    "too few rows": written(pa.table({"number": pa.array([1] * 63)})),
    "a NUL in the name of a column": written(pa.table({"number:\0": pa.array([1] * 64)})),
    "two batches": written(pa.table({"number": pa.array([1] * 32)}), batches=2),
    "nothing": b"",
    "no Arrow": b"x" * 400,
}


@pytest.mark.parametrize("what", PREPARED)
def test_a_prepared_file_is_damage(what: str) -> None:
    looks: list[Callable[[ArrowFile], object]] = [
        lambda file: file.frame(),
        lambda file: file.frame([name for name in DTYPES if name in file.names]),
        lambda file: file.keep(),
        lambda file: file.rows(np.array([0])),
        lambda file: file.texts("text", np.ones(64, np.bool_)) if "text" in file.names else file.frame(),
    ]
    for look in looks:
        with pytest.raises(DamagedFileError, match=STORED.uri):
            look(ArrowFile(PREPARED[what], STORED))


def test_what_was_written_is_read_whatever_is_asked_for() -> None:
    for numbered in (False, True):
        data = to_arrow(FRAME, numbered=numbered)
        assert ArrowFile(data, STORED).frame().equals(FRAME)
        assert ArrowFile(data, STORED).frame(("many", "none")).equals(FRAME.select("many", "none"))


def test_flipped_bits_in_columns_are_read_or_are_damage() -> None:
    chance = random.Random(7)
    for data in (
        to_arrow(FRAME),
        to_arrow(FRAME, numbered=True),
        written(FRAME.to_arrow(compat_level=pl.CompatLevel.oldest())),
    ):
        for _ in range(400):
            changed = bytearray(data)
            for _ in range(chance.choice((1, 1, 3))):
                changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            with suppress(DamagedFileError):
                ArrowFile(bytes(changed), STORED).frame().to_dicts()


@pytest.mark.parametrize(("asked", "expected"), [("68", MemoryError), (f"{2**60}", DamagedFileError)])
def test_memory_that_runs_out_is_damage_only_where_no_such_file_needs_it(
    asked: str, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise pa.ArrowMemoryError(f"malloc of size {asked} failed")

    file = ArrowFile(to_arrow(FRAME), STORED)
    monkeypatch.setattr(pa.ipc, "open_file", refused)
    with pytest.raises(expected):
        file.frame()


def a_batch(count: int, cells: pl.DataFrame | None = None) -> Batch:
    rows = pl.DataFrame({"reference_id": [f"r{n:03}" for n in range(count)], "offset": list(range(count))})
    return Batch("items", rows, pl.DataFrame(schema=CELLS) if cells is None else cells)


def stored_state(folder: Path, data: bytes, records: int) -> StoredFile:
    return store(str(folder / "versions" / "000001"), "state/items/part-00000-of-00001.arrow", data, records=records)


def test_cells_of_rows_that_are_not_there_are_damage(tmp_path: Path) -> None:
    one = {"row": 3, "key": "k", "form": "int", "int": 1, "float": None, "text": None}
    for rows in ([4], [2, 1], [2**32 - 1]):
        cells = pl.DataFrame([{**one, "row": row} for row in rows], schema=CELLS)
        file = stored_state(tmp_path, a_batch(4, cells).to_bytes(), 4)
        with pytest.raises(DamagedFileError, match="expected cells of 4 rows, in their order"):
            read_state(file)
    cells = pl.DataFrame([one], schema=CELLS)
    assert read_state(stored_state(tmp_path, a_batch(4, cells).to_bytes(), 4)).cells.equals(cells)


def delta(removed: list[int], places: list[int], sizes: tuple[int, ...] | None = None) -> bytes:
    pieces = (
        np.array(removed, np.int64).tobytes(),
        np.array(places, np.int64).tobytes(),
        a_batch(len(places)).to_bytes(),
    )
    header = struct.pack("<4sQQQQ", b"MEO2", *(sizes or (0, *map(len, pieces))))
    return b"".join((header, *pieces))


@pytest.mark.parametrize(
    "data",
    [
        delta([9], [0]),
        delta([-1], [0]),
        delta([2, 1], [0, 1]),
        delta([1], [8]),
        delta([1], [-(2**62)]),
        delta([1, 2], [3, 3]),
        delta([1], [0], sizes=(0, 2**63, 8, 8)),
        delta([1], [0], sizes=(0, 7, 9, 500)),
        delta([1], [0])[:20],
        b"MEO2",
        b"MEB1" + b"\xff" * 40,
        b"MEB1" + struct.pack("<IQ", 200_000, 0) + b"[" * 200_000,
        b"",
    ],
)
def test_a_prepared_file_over_a_base_is_damage(tmp_path: Path, data: bytes) -> None:
    root = str(tmp_path / "versions" / "000001")
    base = store(root, "state/base/items/part-00000-of-00001.arrow", a_batch(8).to_bytes(), records=8)
    file = replace(stored_state(tmp_path, data, 8), base=base)
    with pytest.raises(DamagedFileError):
        read_state(file)
    sound = replace(stored_state(tmp_path, delta([1], [1]), 8), base=base)
    assert read_state(sound).rows.height == 8


def test_a_base_that_is_not_there_or_of_another_size_is_damage(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError):
        read_state(stored_state(tmp_path, delta([1], [1]), 8))
    root = str(tmp_path / "versions" / "000001")
    base = store(root, "state/base/items/part-00000-of-00001.arrow", a_batch(7).to_bytes(), records=7)
    with pytest.raises(DamagedFileError, match=r"state/base/items.*expected 8 rows, got 7"):
        read_state(replace(stored_state(tmp_path, delta([1], [1]), 8), base=base))


def test_what_steps_pass_on_is_not_looked_at_twice() -> None:
    data = a_batch(4).to_bytes()
    assert EncodedBatch(data).rows._stored is None
    assert StateFile.of(data, 4).base.rows._stored is None


@pytest.mark.parametrize("count", [3, 9, 400, 5000])
def test_a_sketch_with_flipped_bits_is_refused_or_counts(count: int) -> None:
    summary = summarize_distinct(count, [f"x{n}" for n in range(count)], 2)
    sketch = summary.sketch or b""
    check_sketch(sketch)
    chance = random.Random(count)
    refused = 0
    for at in (*range(min(len(sketch), 40)), *(chance.randrange(len(sketch)) for _ in range(100))):
        changed = sketch[:at] + bytes([sketch[at] ^ 1 << chance.randrange(8)]) + sketch[at + 1 :]
        try:
            check_sketch(changed)
        except ValueError:
            refused += 1
        else:
            try:
                distinct(replace(summary, sketch=changed))
            except (ValueError, RuntimeError, OverflowError):
                refused += 1
    assert refused


def test_summaries_and_counts_of_another_shape_are_damage(tmp_path: Path) -> None:
    sound = {"items": group_to_json(GroupSummary(3))}
    numbers = {"count": 1, "minimum": "0x1", "maximum": 1.5, "inexact": 0, "beyond_long": 0, "buckets": [[1], [1]]}
    a_field = {"null": 0, "observed": {"int": 1}, "strings": None, "paired": 0}
    prepared: list[object] = [
        [],
        {"items": {"records": "3", "fields": {}}},
        {"cars": sound["items"]},
        {"items": {"records": 3, "fields": {"k": {}}}},
        {"items": {"records": 1, "fields": {"k": {**a_field, "observed": {"x": 1}, "numbers": None}}}},
        *(
            {"items": {"records": 1, "fields": {"k": {**a_field, "numbers": {**numbers, **sums}}}}}
            for sums in (
                {"total": ["0x1", 10**12], "squares": ["0x1", 0]},
                {"total": ["x", 0], "squares": ["0x1", 0]},
                {"total": ["0x1", 0], "squares": ["0x1", 0], "buckets": [[1], []]},
            )
        ),
    ]
    root = str(tmp_path / "versions" / "000001")
    for document in (*prepared, None):
        data = b"[" * 100_000 if document is None else json.dumps(document).encode()
        with pytest.raises(DamagedFileError):
            read_summaries(store(root, "state/summaries/part-00000-of-00001.json", data, records=1))
    for counted in (
        {"items": {"histograms": {"k": ["1"]}, "grid": None, "annotations": None}},
        {"items": {"histograms": {}, "grid": "AAAA", "annotations": None}},
        {"items": {"histograms": {}, "grid": None}},
        {"annotations": {"histograms": {}, "grid": None, "annotations": {"labels": {"car": "1"}}}},
    ):
        with pytest.raises(DamagedFileError):
            read_counted(
                store(root, "state/insights/part-00000-of-00001.json", json.dumps(counted).encode(), records=1)
            )
    assert group_from_json(sound["items"]) == GroupSummary(3)
