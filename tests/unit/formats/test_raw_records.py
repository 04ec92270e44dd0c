"""Raw records where they lie are the sequence of their bytes."""

from hypothesis import given
from hypothesis import strategies as st

from transforms.formats.lines import split_lines
from transforms.raw_records import RawRecords

lines = st.lists(st.sampled_from([b"{}", b'{"a":1}', b"x", b" y "]), max_size=6)


@given(st.lists(st.binary(max_size=5), max_size=6))
def test_concatenated_records_are_those_given(given_records: list[bytes]) -> None:
    records = RawRecords.of(given_records)
    assert list(records) == [records[place] for place in range(len(records))] == given_records
    assert records == given_records
    assert records[1:4] == given_records[1:4]
    assert records != [*given_records, b"one more"]


@given(st.lists(lines, max_size=4), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_blocks_joined_hold_all_records_in_their_order(parts: list[list[bytes]], line_end: bytes, ended: bool) -> None:
    blocks = [line_end.join(part) + line_end * ended for part in parts]
    joined = RawRecords.joined([split_lines(block, offset=1).records for block in blocks])
    assert joined == [line for part in parts for line in part]
    behind = {joined.data[end : end + 1] for end in joined.ends.tolist()}
    assert behind <= {b"", b"\n", b"\r"}, "a reader that knows no end stops there"
