"""Framing of NDJSON exports: RULES F1, F4 and, for what follows unreadable bytes, R2."""

import io
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import SHARED, needs_shared

from transforms.formats import framing, lines
from transforms.formats.chunks import Chunk, RefusedRecord, Unreadable
from transforms.formats.framing import read_range, read_stream
from transforms.formats.lines import split_lines
from transforms.rules import limits

BOM = b"\xef\xbb\xbf"

# Pieces that make line ends, blanks, marks and records meet in every way.
exports = st.builds(
    lambda mark, pieces: mark + b"".join(pieces),
    st.sampled_from([b"", BOM]),
    st.lists(
        st.sampled_from(
            [b"\n", b"\r\n", b"\r", b" ", b"\t", b"{}", b'{"a":1}', "\u2028é".encode(), b"\xff", b"\xef", b"x" * 9]
        ),
        max_size=25,
    ),
)


def numbered(chunks: list[Chunk]) -> list[tuple[bytes, int, int]]:
    """Record, offset and 1-based line of every record, lines numbered by adding up `line_count`."""
    found = []
    line = 1
    for chunk in chunks:
        assert len(chunk.records) == len(chunk.offsets) == len(chunk.lines)
        assert chunk.offsets.dtype == chunk.lines.dtype == np.int64
        assert chunk.first_line in (None, line)
        numbers = (chunk.lines + line).tolist()
        found += list(zip(chunk.records, chunk.offsets.tolist(), numbers, strict=True))
        line += chunk.line_count
    return found


def refused(chunks: list[Chunk]) -> list[RefusedRecord]:
    found = []
    line = 1
    for chunk in chunks:
        found += [RefusedRecord(each.offset, each.line + line, each.length, each.head) for each in chunk.refused]
        line += chunk.line_count
    return found


def by_hand(data: bytes) -> list[tuple[bytes, int, int]]:
    """F1 read literally, one byte at a time."""
    at = 3 if data.startswith(BOM) else 0
    found, line, record, begin = [], 1, bytearray(), at
    for position in range(at, len(data) + 1):
        byte = data[position : position + 1]
        if byte in (b"\n", b""):
            text = bytes(record[:-1] if record.endswith(b"\r") else record)
            if text.strip(b" \t\r"):
                found.append((text, begin, line))
            line, record, begin = line + 1, bytearray(), position + 1
        else:
            record += byte
    return found


@given(exports)
def test_lines_are_those_of_the_rule_read_literally(data: bytes) -> None:
    assert numbered([split_lines(data)]) == by_hand(data)


@given(exports, st.lists(st.integers(0, 120)))
def test_ranges_of_any_cut_points_add_up_to_the_whole(data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *cuts})
    chunks = [read_range(io.BytesIO(data), start, stop) for start, stop in pairwise(edges)]
    assert numbered(chunks) == by_hand(data)
    assert sum(chunk.byte_count for chunk in chunks) == len(data)
    assert sum(chunk.line_count for chunk in chunks) == data.count(b"\n")


@given(exports, st.integers(1, 40))
def test_chunks_of_any_size_add_up_to_the_whole(data: bytes, chunk_bytes: int) -> None:
    chunks = list(read_stream(io.BytesIO(data), chunk_bytes))
    assert numbered(chunks) == by_hand(data)
    assert all(chunk.first_line is not None for chunk in chunks)
    assert sum(chunk.byte_count for chunk in chunks) == len(data)


@given(exports, st.integers(0, 12), st.integers(1, 20), st.lists(st.integers(0, 120)))
def test_refused_lines_are_found_alike_by_every_reader(data: bytes, limit: int, block: int, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *cuts})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MAX_LINE_BYTES", limit)
        patch.setattr(framing, "BLOCK_BYTES", block)
        patch.setattr(framing, "TAIL_BYTES", 2)
        patch.setattr(framing, "HEAD_BYTES", 4)
        patch.setattr(lines, "HEAD_BYTES", 4)
        whole = [split_lines(data)]
        ranges = [read_range(io.BytesIO(data), start, stop) for start, stop in pairwise(edges)]
        stream = list(read_stream(io.BytesIO(data), 7))
    expected = by_hand(data)
    assert numbered(whole) == [line for line in expected if len(line[0]) <= limit]
    assert refused(whole) == [
        RefusedRecord(offset, line, len(record), record[:4]) for record, offset, line in expected if len(record) > limit
    ]
    for chunks in (ranges, stream):
        assert numbered(chunks) == numbered(whole)
        assert refused(chunks) == refused(whole)
        assert sum(chunk.byte_count for chunk in chunks) == len(data)
        assert sum(chunk.line_count for chunk in chunks) == data.count(b"\n")


@pytest.mark.parametrize(
    ("data", "records"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(BOM, [], id="nothing-but-a-mark"),
        pytest.param(b" \t\r\n\n\r\n  ", [], id="blank"),
        pytest.param(BOM + b'{"a":1}', [b'{"a":1}'], id="mark-and-no-newline"),
        pytest.param(b'{"a":1}\r\n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}'], id="crlf"),
        pytest.param(b'{"a":1}\r\n{"a":2}\n{"a":3}', [b'{"a":1}', b'{"a":2}', b'{"a":3}'], id="mixed"),
        pytest.param(b'{"a":\r1}\n', [b'{"a":\r1}'], id="lone-cr"),
        pytest.param('{"a":"\u2028\u0085\v"}\n'.encode(), ['{"a":"\u2028\u0085\v"}'.encode()], id="u2028"),
        pytest.param(b' {"a":1} \n', [b' {"a":1} '], id="blanks-around-a-record-stay"),
    ],
)
def test_line_ends(data: bytes, records: list[bytes]) -> None:
    assert split_lines(data).records == records


@given(exports)
def test_lines_behind_the_stop_do_not_count(data: bytes) -> None:
    for stop in (0, *(at + 1 for at, byte in enumerate(data) if byte == ord("\n")), len(data)):
        assert numbered([split_lines(data, stop=stop)]) == by_hand(data[:stop])
        assert split_lines(data, stop=stop).byte_count == stop


def test_a_mark_is_only_one_at_the_start_of_the_export() -> None:
    assert split_lines(BOM + b"{}", offset=10).records == [BOM + b"{}"]


def test_a_line_of_exactly_the_limit_is_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", 100)
    data = BOM + b"a" * 100 + b"\r\n" + b"b" * 101 + b"\r\n"
    for chunk in (split_lines(data), *read_stream(io.BytesIO(data), 1_000)):
        assert chunk.records == [b"a" * 100]
        assert [(each.length, each.line, each.offset) for each in chunk.refused] == [(101, 1, 105)]


class Endless(io.RawIOBase):
    """`size` times the letter x and then a record, generated while it is read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.at = 0
        self.most = 0

    def read(self, size: int = -1) -> bytes:
        self.most = max(self.most, size)
        tail = b"\n{}\n"
        block = b"x" * min(size, max(self.size - self.at, 0))
        block += tail[max(self.at - self.size, 0) :][: size - len(block)]
        self.at += len(block)
        return block


def test_a_line_far_beyond_the_limit_is_passed_in_bounded_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", 1_000)
    monkeypatch.setattr(framing, "BLOCK_BYTES", 4_096)
    stream = Endless(1_000_000)
    chunks = list(read_stream(stream, 10_000))  # type: ignore[arg-type]
    assert stream.most == 4_096
    assert numbered(chunks) == [(b"{}", 1_000_001, 2)]
    assert [(each.offset, each.line, each.length) for each in refused(chunks)] == [(0, 1, 1_000_000)]
    assert len(refused(chunks)[0].head) == 64 * 1024


class BreaksOff(io.BytesIO):
    """Bytes whose remainder cannot be read."""

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        if not block:
            raise Unreadable("the rest is missing", self.tell())
        return block


@given(exports, st.integers(1, 40))
def test_whole_lines_before_a_fault_are_read_and_the_unfinished_one_is_part_of_it(
    data: bytes, chunk_bytes: int
) -> None:
    whole = data[: data.rfind(b"\n") + 1]
    chunks: list[Chunk] = []
    with pytest.raises(Unreadable, match="the rest is missing") as caught:
        chunks.extend(read_stream(BreaksOff(data), chunk_bytes))
    assert numbered(chunks) == by_hand(whole)
    assert (caught.value.offset, caught.value.line) == (len(whole), whole.count(b"\n") + 1)


def test_a_fault_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(Unreadable("expected gzip", 12, 3)))
    assert (str(copy), copy.offset, copy.line) == ("expected gzip", 12, 3)


def test_a_chunk_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive number of bytes for a chunk, got 0"):
        next(read_stream(io.BytesIO(b"{}"), 0))


def test_ranges_beyond_the_end_or_without_bytes_are_empty() -> None:
    stream = io.BytesIO(b"{}\n{}\n")
    for start, stop in ((6, 100), (50, 60), (3, 3), (0, 0)):
        chunk = read_range(stream, start, stop)
        assert (chunk.records, chunk.byte_count, chunk.line_count) == ([], 0, 0)


@needs_shared
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("lf.ndjson", 20),
        ("crlf.ndjson", 20),
        ("bom.ndjson", 20),
        ("truncated_last.ndjson", 20),
        ("latin1_line.ndjson", 21),
    ],
)
def test_shared_exports(name: str, count: int) -> None:
    data = (SHARED / "framing" / name).read_bytes()
    chunk = split_lines(data)
    assert len(chunk.records) == count
    for record, offset in zip(chunk.records, chunk.offsets.tolist(), strict=True):
        assert record.startswith(b'{"reference_id"')
        assert data[offset : offset + len(record)] == record
