"""CSV to rows with their bytes and lines: RULES F1, F2, R1 and R2 (a bad row takes no neighbour with it)."""

import csv
import io
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.formats.chunks import Unreadable
from transforms.mapping.csv_tables import read_csv
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.maps import MapError

CELLS = st.lists(st.sampled_from([*'ab ,;"\n\té|', "\r\n"]), max_size=5).map("".join)


class Read(NamedTuple):
    """What was read of a table."""

    rows: list[dict[str, object]]
    lines: list[int]
    sources: list[bytes]
    refused: list[tuple[int, bytes, str]]


def read(data: bytes, *, block_bytes: int = 1 << 20, delimiter: str | None = None, encoding: str | None = None) -> Read:
    found = Read([], [], [], [])
    options = CsvOptions.of(delimiter, encoding)
    for batch in read_csv(io.BytesIO(data), options, block_bytes=block_bytes):
        found.rows.extend(batch.rows())
        found.lines.extend(batch.lines.tolist())
        found.sources.extend(batch.sources[place] for place in range(len(batch)))
        found.refused.extend((each.line, each.head, each.fault.message if each.fault else "") for each in batch.refused)
        for offset, source in zip(batch.offsets.tolist(), found.sources[-len(batch) :], strict=False):
            assert encoding is not None or data[offset:].startswith(source)
    return found


@draws(150)
@given(
    st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6)),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(",;\t|"),
    st.sampled_from([3, 40, 1000]),
)
def test_a_table_has_the_rows_that_python_reads_however_it_is_cut_into_blocks(
    rows: list[list[str]], quoting: int, line_end: str, delimiter: str, block_bytes: int
) -> None:
    names = [f"c{place}" for place in range(len(rows[0]) if rows else 2)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerows([names, *rows])
    found = read(text.getvalue().encode(), block_bytes=block_bytes, delimiter=delimiter)
    assert found.refused == []
    assert found.rows == [{name: cell for name, cell in zip(names, row, strict=True) if cell} for row in rows]
    again = csv.reader([source.decode() for source in found.sources], delimiter=delimiter)
    assert [row for row in again if row] == rows or any("\n" in cell or "\r" in cell for row in rows for cell in row)


@draws(150)
@given(st.text(st.sampled_from('a,"\n'), max_size=30), st.sampled_from([1, 4, 1000]))
@example('"a,b\n"c\n', 1000)
def test_every_line_of_any_text_is_in_a_row_or_refused(text: str, block_bytes: int) -> None:
    data = b"a,b\n" + text.encode()
    found = read(data, block_bytes=block_bytes)
    seen = b"".join(sorted(found.sources + [raw for _, raw, _ in found.refused])).replace(b"\n", b"")
    assert sorted(seen) == sorted(data[4:].replace(b"\n", b""))


def test_rows_say_their_line_and_their_bytes_where_cells_have_line_ends() -> None:
    found = read(b'\xef\xbb\xbfa,b\r\n1,"x\r\ny"\r\n\r\n2,\r\n')
    assert found.rows == [{"a": "1", "b": "x\r\ny"}, {"a": "2"}]
    assert found.lines == [2, 5]
    assert found.sources == [b'1,"x\r\ny"', b"2,"]


def test_a_ragged_row_is_refused_alone_with_its_bytes() -> None:
    found = read(b"a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert found.rows == [{"a": "1", "b": "2"}, {"a": "7", "b": "8"}]
    assert found.refused == [
        (3, b"3", "expected 2 cells as in the header, got 1"),
        (4, b"4,5,6", "expected 2 cells as in the header, got 3"),
    ]


def test_a_quote_that_nothing_closes_costs_its_own_line_alone() -> None:
    found = read(b'a,b\n1,"open\n2,y\n3,z\n')
    assert found.rows == [{"a": "2", "b": "y"}, {"a": "3", "b": "z"}]
    assert found.refused == [(2, b'1,"open', 'expected the end of a cell in quotes, got "1,\\"open"')]


def test_hostile_quotes_take_time_by_the_size_of_the_file_alone() -> None:
    """Each line begins a cell that nothing closes; a loop over them that reads on from each would take hours."""
    many = 20_000
    rows, *_ = read(b'a,b\n"x\n' + b'y","z\n' * many)
    assert rows == []
    rows, *_ = read(b'a,b\nx,"y\n' + b'1,"abc"\n' * many)
    assert len(rows) > many * 0.9


def test_a_line_beyond_the_limit_is_refused_alone_and_no_row_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """F4."""
    monkeypatch.setattr("transforms.mapping.csv_tables.MAX_LINE_BYTES", 1000)
    long, end = b"x," + b"y" * 5000, b"5,6"
    for block_bytes in (64, 700, 1 << 20):
        batches = list(
            read_csv(io.BytesIO(b"\n".join([b"a,b", b"1,2", long, b"3,4", end])), CsvOptions(), block_bytes=block_bytes)
        )
        assert [row for batch in batches for row in zip(*batch.columns.values(), strict=True)] == [
            ("1", "2"),
            ("3", "4"),
            ("5", "6"),
        ]
        [refused] = [each for batch in batches for each in batch.refused]
        assert (refused.offset, refused.line, refused.length, refused.fault) == (8, 3, len(long), None)
        assert long.startswith(refused.head)


def test_many_rows_that_are_looked_at_one_by_one_come_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell in quotes beyond the limit is refused line by line, of which there may be many."""
    monkeypatch.setattr("transforms.mapping.csv_tables.MAX_LINE_BYTES", 1000)
    monkeypatch.setattr("transforms.mapping.csv_tables._MOST_ROWS", 100)
    data = b'a,b\n1,2\n"' + b"\n".join([b"x"] * 2000) + b'",2\n3,4\n'
    batches = list(read_csv(io.BytesIO(data), CsvOptions(), block_bytes=700))
    assert max(len(batch.refused) for batch in batches) <= 100
    assert sum(len(batch.refused) for batch in batches) == 1999
    rows = [row for batch in batches for row in zip(*batch.columns.values(), strict=True)]
    assert rows == [("1", "2"), ('x"', "2"), ("3", "4")]  # the last line of the cell looks like a row


def test_a_quote_inside_a_cell_without_quotes_is_a_character() -> None:
    assert read(b'a,b\n1,5" pipe\n').rows == [{"a": "1", "b": '5" pipe'}]


def test_a_row_that_is_not_utf8_is_refused_alone_in_a_file_that_is() -> None:
    found = read("a,b\n1,ü\n2,".encode() + b"\xe9\n3,x\n")
    assert found.rows == [{"a": "1", "b": "ü"}, {"a": "3", "b": "x"}]
    assert found.refused == [(3, b"2,\xe9", 'expected UTF-8, got the byte 0xe9 in "2,�"')]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a,b\n1,é\n".encode("latin-1"), "got the byte 0xe9 in line 2, as Latin-1 and Windows-1252 have it"),
        (
            "a,b\n1,é\n".encode("utf-16"),
            (
                "UTF-16 (little endian) text, which begins with the byte order mark ff fe; "
                "give the encoding: --map manifest:encoding=utf-16"
            ),
        ),
        (
            "a,b\n1,é\n".encode("utf-32-be"),
            "it begins with 00 00 00 61; give the encoding: --map manifest:encoding=utf-32be",
        ),
        (b"a,b,a\n", 'expected columns of different names, got "a" twice; rename one'),
        (b"\x89PNG\r\n", "expected CSV, got a PNG image"),
    ],
)
def test_another_encoding_or_format_is_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable) as error:
        read(data)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'a,"b\n1,2\n3,4\n', "expected the end of a name in quotes, got the header"),
        (b"a,b\r1,2\r3,4\r", "expected rows that end in LF or CRLF, got a CR alone in"),
        (b"a,,\n1,2,3\n", "expected columns with names, got several without one; name each of them"),
        (b"a,b,a\n", 'expected columns of different names, got "a" twice'),
    ],
)
def test_a_header_that_would_swallow_rows_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable) as error:
        read(data)
    assert message in error.value.message


def test_a_header_ends_where_it_ends_whatever_quotes_are_in_its_names() -> None:
    found = read(b'5" disk,"a\nb, ""c"""\n1,2\n3,"4"\n')
    assert found.rows == [{'5" disk': "1", 'a\nb, "c"': "2"}, {'5" disk': "3", 'a\nb, "c"': "4"}]
    assert found.lines == [3, 4]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le"])
def test_another_encoding_is_read_when_it_is_given_and_rows_keep_their_bytes(encoding: str) -> None:
    found = read("a;b\n1;é\n2;ü\n".encode(encoding), delimiter=";", encoding=encoding)
    assert found.rows == [{"a": "1", "b": "é"}, {"a": "2", "b": "ü"}]
    assert [source.decode(encoding) for source in found.sources] == ["1;é", "2;ü"]


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_rows_of_a_file_with_a_byte_order_mark_are_in_its_order_without_the_mark(mark: str) -> None:
    found = read("\ufeffa,b\n1,é\nshort\n".encode(mark), encoding=mark[:6])
    assert found.sources == ["1,é".encode(mark)]
    assert [raw for _, raw, _ in found.refused] == ["short".encode(mark)]


@pytest.mark.parametrize(
    ("delimiter", "encoding", "message"),
    [
        (";;", None, 'delimiter expects one character, or tab, comma, semicolon, pipe, got ";;"'),
        (None, "latin1000", "encoding expects the name of an encoding such as latin-1 or utf-16"),
    ],
)
def test_a_wrong_option_is_refused(delimiter: str | None, encoding: str | None, message: str) -> None:
    with pytest.raises(MapError) as error:
        CsvOptions.of(delimiter, encoding)
    assert message in str(error.value)


def test_a_tab_is_the_delimiter_of_a_header_with_tabs_alone() -> None:
    assert read(b"a\tb\n1\tx, y\n").rows == [{"a": "1", "b": "x, y"}]


@pytest.mark.parametrize("data", [b"", b"\n \n", b"a,b\n", b"a,b"])
def test_a_table_may_be_empty(data: bytes) -> None:
    assert read(data) == ([], [], [], [])
