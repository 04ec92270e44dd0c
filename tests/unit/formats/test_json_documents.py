"""JSON documents to raw records: RULES F2, F3, F4 and R2 (a bad element takes no neighbour with it)."""

import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import SHARED, needs_shared

from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.document_reader import read_document
from transforms.formats.sniff import Format, sniff
from transforms.rules import limits

BOM = b"\xef\xbb\xbf"
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=4), values, max_size=4)
layouts = st.fixed_dictionaries(
    {"indent": st.sampled_from([None, 0, 1, "\t"]), "ensure_ascii": st.booleans()},
)


def text(value: object, layout: dict[str, Any]) -> bytes:
    return json.dumps(value, **layout).encode("utf-8", "surrogatepass")


def parsed(record: bytes) -> object:
    return json.loads(record.decode("utf-8", "surrogatepass"))


def same(found: object, expected: object) -> bool:
    """Equality that takes NaN for itself."""
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def split_document(data: bytes) -> tuple[Chunk, Unreadable | None]:
    """All records of a document that is one chunk, and the error of its remainder if there is one."""
    chunks: list[Chunk] = []
    fault: Unreadable | None = None
    try:
        chunks.extend(read_document(io.BytesIO(data)))
    except Unreadable as error:
        fault = error
    (chunk,) = chunks
    return chunk, fault


def records(data: bytes) -> list[bytes]:
    """The records of a document that is whole, after a check of what goes with them."""
    chunk, fault = split_document(data)
    assert fault is None
    assert chunk.first_line == 1
    assert chunk.byte_count == len(data)
    assert chunk.line_count == data.count(b"\n")
    for record, offset, line in zip(chunk.records, chunk.offsets.tolist(), chunk.lines.tolist(), strict=True):
        assert data[offset : offset + len(record)] == record
        assert line == data[:offset].count(b"\n")
    return chunk.records


@given(st.lists(values), layouts, st.sampled_from([b"", BOM, BOM + b"\r\n "]))
def test_elements_of_a_list_parse_to_the_list(elements: list[object], layout: dict[str, Any], lead: bytes) -> None:
    found = records(lead + text(elements, layout) + b"\n")
    assert same([parsed(record) for record in found], elements)


@given(st.lists(objects), layouts, st.sampled_from(["items", "metadata", "data", "box", "predictions"]))
def test_elements_of_an_envelope_parse_to_its_list(elements: list[object], layout: dict[str, Any], key: str) -> None:
    envelope = {"update": True, "n": [1], key: elements, "nextPageToken": None}
    assert same([parsed(record) for record in records(text(envelope, layout))], elements)


@given(st.lists(objects, max_size=4), layouts, st.sampled_from([b"", b"\n", b" \r\n\n"]))
def test_values_one_after_another_are_read_one_after_another(
    elements: list[dict[str, object]], layout: dict[str, Any], between: bytes
) -> None:
    rows = [{**element, "reference_id": "a"} for element in elements]
    found = records(between.join(text(row, layout) for row in rows))
    assert same([parsed(record) for record in found], rows)


@given(st.lists(objects, min_size=1, max_size=4), layouts, st.data())
def test_a_list_cut_anywhere_gives_its_first_elements_and_then_an_error(
    elements: list[object], layout: dict[str, Any], data: st.DataObject
) -> None:
    whole = text({"items": elements}, layout)
    cut = data.draw(st.integers(whole.index(b"[") + 1, len(whole) - 1))
    chunk, fault = split_document(whole[:cut])
    assert fault is not None
    assert same([parsed(record) for record in chunk.records], elements[: len(chunk.records)])
    whole_ones = split_document(whole)[0]
    ends = [o + len(r) for o, r in zip(whole_ones.offsets.tolist(), whole_ones.records, strict=True)]
    assert len(chunk.records) == sum(end <= cut for end in ends)
    assert fault.line == whole[: fault.offset].count(b"\n") + 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(BOM + b" \n", [], id="blank"),
        pytest.param(b"[]", [], id="empty-list"),
        pytest.param(b'{"items": []}', [], id="empty-envelope"),
        pytest.param(b"[1, null , [2], {}]", [b"1", b"null", b"[2]", b"{}"], id="other-values-are-rejected-later"),
        pytest.param(
            b'{"annotations": [{"type": 1}], "segmentations": [{"a": 2}]}', [b'{"type": 1}', b'{"a": 2}'], id="two"
        ),
        pytest.param(b'{"segmentation": [{"a": 1}], "box": [{"b": 2}]}', [b'{"a": 1}', b'{"b": 2}'], id="by-type"),
        pytest.param(b'{"data": [{"item": {}, "box": [{"a": 1}]}]}', [b'{"item": {}, "box": [{"a": 1}]}'], id="rows"),
        pytest.param(b'{"items": [1], "items": [2]}', [b"2"], id="last-duplicate-key-wins"),
        pytest.param(b'[{"a": 1, "a": 2}, {"b": NaN}]', [b'{"a": 1, "a": 2}', b'{"b": NaN}'], id="duplicates-and-nan"),
        pytest.param(b'{"items": [1]}\n{"items": [2]}', [b"1", b"2"], id="pages"),
        pytest.param(b'["]", "\\"]", "a,b"]', [b'"]"', b'"\\"]"', b'"a,b"'], id="brackets-in-strings"),
        pytest.param(b"[1,,2,]", [b"1", b"2"], id="empty-places"),
    ],
)
def test_layouts(data: bytes, expected: list[bytes]) -> None:
    assert records(data) == expected


@pytest.mark.parametrize(
    "record",
    [
        '{"item": {"reference_id": "a"}, "box": [{"type": "box"}]}',
        '{"box": [{"type": "box"}], "item": {"reference_id": "a"}}',
        '{"item": {"reference_id": "a"}, "annotations": {"box": []}}',
        '{"scene": {"reference_id": "a"}, "annotations": {"trk": {"frames": []}}}',
        '{"annotations": [{"label": "grass", "index": 1}], "mask_url": "s3://a", "type": "mask"}',
        '{"annotations": [{"label": "grass", "index": 1}]}',
        '{"metadata": {"a": 1}, "reference_id": "a"}',
        '{"metadata": ["wrong"], "image_url": "s3://a/b.png"}',
        '{"items": null}',
        "{}",
    ],
)
def test_an_object_that_is_a_record_itself_is_the_record(record: str) -> None:
    assert records(record.encode()) == [record.encode()]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"a": 1 true}',
        b'{"a": [1 }',
        b'{"a": 1}}',
        b'{"a": {"b": [1, 2}, "c": 3}',
        b'{"a": "\xff\xfe"}',
        b"garbage",
        b'{"a": 1} {"b": 2}',
        b"[" * 900 + b"]" * 900,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    ],
)
@pytest.mark.parametrize("frame", [b'[{"n": 1}, %s, {"n": 2}]', b'{"items": [{"n": 1}, %s, {"n": 2}], "update": true}'])
def test_a_bad_element_comes_out_whole_and_takes_no_neighbour_with_it(bad: bytes, frame: bytes) -> None:
    assert records(frame.replace(b"%s", bad)) == [b'{"n": 1}', bad, b'{"n": 2}']


def test_a_bracket_that_is_missing_costs_no_element_before_it() -> None:
    assert records(b'[{"n": 1}, {"a": {"b": 1}]')[0] == b'{"n": 1}'


def test_what_stands_at_the_top_level_and_is_no_record_is_handed_on_by_lines() -> None:
    assert records(b'{"reference_id": "a"}\ngarbage ] x\n{"reference_id": "b"}\n5') == [
        b'{"reference_id": "a"}',
        b"garbage ] x",
        b'{"reference_id": "b"}',
        b"5",
    ]


@pytest.mark.parametrize(
    ("data", "found", "message", "offset", "line"),
    [
        (b"[", [], 'ending with "]", got the end of the document at byte 1', 1, 1),
        (b'[{"a": 1}', [b'{"a": 1}'], "got the end of the document at byte 9", 9, 1),
        (b'[{"a": 1},\n{"b": 2', [b'{"a": 1}'], "got '{\"b\": 2' at byte 11 (line 2)", 11, 2),
        (b"[1, 23", [b"1"], "got '23' at byte 4", 4, 1),
        (b'[1, "a]', [b"1"], "got '\"a]' at byte 4", 4, 1),
        (b'{"items": [1], "upd', [b"1"], 'expected a key and ":", or "}", got \'"upd\'', 15, 1),
        (b'{"items": [1] "x": 2}', [b"1"], 'expected "," or "}", got \'"x": 2}\'', 14, 1),
        (b'{"reference_id": "a"}\n{"refe', [b'{"reference_id": "a"}'], 'expected the "}" of the object', 22, 2),
    ],
)
def test_a_fault_names_the_text_and_its_place(
    data: bytes, found: list[bytes], message: str, offset: int, line: int
) -> None:
    chunk, fault = split_document(data)
    assert chunk.records == found
    assert fault is not None
    assert message in str(fault)
    assert (fault.offset, fault.line) == (offset, line)


def test_an_element_beyond_the_limit_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", 20)
    chunk, fault = split_document(b'[\n{"a": 1},\n{"b": "' + b"x" * 100_000 + b'"},\n{"c": 3}]')
    assert fault is None
    assert chunk.records == [b'{"a": 1}', b'{"c": 3}']
    assert [(each.offset, each.line, each.length, len(each.head)) for each in chunk.refused] == [
        (12, 2, 100_009, 65_536)
    ]


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ \n1a', max_size=40).map(str.encode))
def test_any_bytes_are_cut_into_records_in_their_order(data: bytes) -> None:
    chunk, _ = split_document(data)
    ends = [0]
    for record, offset in zip(chunk.records, chunk.offsets.tolist(), strict=True):
        assert record
        assert data[offset : offset + len(record)] == record
        assert offset >= ends[-1]
        ends.append(offset + len(record))


def test_nan_is_no_obstacle() -> None:
    assert math.isnan(parsed(records(b"[NaN]")[0]))  # type: ignore[arg-type]


@needs_shared
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("framing/array.json", 20),
        ("framing/items_wrapper.json", 20),
        ("nucleus/export/exportForTrainingByScene.json", 1),
        ("nucleus/export/exportForTrainingPage.json", 1),
        ("nucleus/export/exportForTraining_row.json", 1),
        ("nucleus/export/exportRawItems.json", 1),
        ("nucleus/export/itemsPage.json", 1),
        ("nucleus/export/job_errors.json", 1),
        ("nucleus/export/model_export.json", 3),
        ("nucleus/export/model_v2_predictions.json", 1),
        ("nucleus/export/refloc.json", 1),
        ("nucleus/export/scene_lidar.json", 1),
        ("nucleus/export/scenes_list.json", 1),
    ],
)
def test_shared_documents(name: str, count: int) -> None:
    found = records((SHARED / name).read_bytes())
    assert len(found) == count
    assert all(json.loads(record) for record in found)


@needs_shared
@pytest.mark.parametrize("indent", [None, 1])
def test_shared_request_bodies_hold_the_records_of_their_lists(indent: int | None) -> None:
    seen = 0
    for path in sorted((SHARED / "nucleus/wire").glob("*.json")):
        for request in json.loads(path.read_bytes()).get("requests", []):
            body = request["json"]
            lists = [value for key, value in body.items() if isinstance(value, list) and key != "requestId"]
            data = json.dumps(body, indent=indent).encode()
            if lists and sniff(data) is Format.DOCUMENT:
                assert [json.loads(record) for record in records(data)] == [row for rows in lists for row in rows]
                seen += 1
    assert seen >= 8
