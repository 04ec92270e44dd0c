"""What the extension takes is what the parser and the rules would give, to the bit: F2, F3, V1 to V9, C, A, I1."""

import json
import math
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws
from support.shredding import check_agreement
from support.strategies import metadata_objects, raw, records, scalars

from transforms.formats.lines import split_lines
from transforms.kernels.batch.exact_json import parse
from transforms.kernels.batch.metadata_columns import ALWAYS_COLUMNS
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.normalize import fast_path, native_json
from transforms.kernels.urls.canonical import canonical_column
from transforms.raw_records import RawRecords
from transforms.rules.export_rows import Group
from transforms.rules.rejections import Fault

pytestmark = pytest.mark.skipif(not native_json.is_built(), reason="the extension was not built: no C compiler")

ITEM = {"reference_id": "a", "image_url": "https://example.org/a.jpg"}
CORNERS = {"x": 1, "y": 2.5, "width": 3, "height": 4}
BOX = {"reference_id": "a", "type": "box", "label": "car", "annotation_id": "1", "geometry": CORNERS}


def item_with(metadata: str) -> bytes:
    """The record of an item whose metadata is this text."""
    return b'{"reference_id": "a", "image_url": "/u", "metadata": %s}' % metadata.encode()


def taken_value(token: str) -> Any:
    """What the extension makes of a JSON value under a metadata key: (form, value), None where it declines it."""
    found = native_json.items(RawRecords.of([item_with(f'{{"k": {token}}}')]))
    if found is None:
        return None
    ((name, values),) = found.dense.items()
    assert found.cells.height == 0
    return name.removesuffix(":k"), values[0]


@pytest.mark.parametrize("group", ["items", "annotations", "predictions"])
@draws(150)
@given(st.data())
def test_what_is_taken_is_what_the_columns_give(group: Group, data: st.DataObject) -> None:
    check_agreement([raw(each) for each in data.draw(st.lists(records[group], max_size=8))], group)


@draws(150)
@given(st.lists(metadata_objects(scalars), min_size=1, max_size=60), st.booleans())
def test_metadata_of_any_shape(objects: list[Any], ascii_only: bool) -> None:
    lines = [json.dumps({**ITEM, "metadata": each}, ensure_ascii=ascii_only).encode() for each in objects]
    check_agreement(lines, "items")


@draws(300)
@given(st.data())
def test_damaged_records_are_declined_or_equal_those_of_the_parser(data: st.DataObject) -> None:
    metadata = {"a": 1, "b": "x\u00e9\\", "c": [1, {"d": None}], "lat": 1.5, "lon": 2, "e": True, "f": -0.5}
    line = bytearray(raw({**ITEM, "metadata": metadata, "width": 3}))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(line) - 1))
        match data.draw(st.sampled_from(["replace", "insert", "delete"])):
            case "replace":
                line[place] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b'"\\{}[],: 0e.-')))
            case "insert":
                line.insert(place, data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b'"\\{}[],: 0e.-'))))
            case _:
                del line[place]
    check_agreement([bytes(line)], "items")


@draws(1_000)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
def test_the_shortest_text_of_a_double_gives_that_double(value: float) -> None:
    taken = taken_value(repr(value))
    if taken is not None:
        assert taken[0] == "float"
        assert math.copysign(1, taken[1]) == math.copysign(1, value)
        assert taken[1] == value
    elif "e" not in repr(value):
        assert len(repr(value).strip("-").replace(".", "").lstrip("0")) > 19 or len(repr(value)) > 40


@draws(2_000)
@given(st.integers(0, 10**19 - 1), st.integers(1, 25), st.booleans())
@example(9007199254740993, 1, False)
@example(9007199254740993 * 10 + 5, 1, False)
@example(2**63, 5, True)
@example(10**19 - 1, 19, False)
def test_decimals_are_rounded_as_python_rounds_them(digits: int, fraction: int, negative: bool) -> None:
    text = f"{digits:0{fraction + 1}d}"
    token = f"{'-' if negative else ''}{text[:-fraction]}.{text[-fraction:]}"
    taken = taken_value(token)
    if taken is not None:
        assert taken == ("float", float(token))
        assert np.signbit(taken[1]) == negative
    else:
        assert len(token) > 40


@given(st.integers(-(10**20), 10**20))
def test_integers_are_exact_or_declined(value: int) -> None:
    taken = taken_value(str(value))
    assert taken == ("int", value) if abs(value) < 10**18 else taken in (None, ("int", value))


@draws(300)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.booleans())
def test_texts_are_restored_however_they_are_escaped(text: str, ascii_only: bool) -> None:
    assert taken_value(json.dumps(text, ensure_ascii=ascii_only)) == ("string", text)
    found = native_json.items(RawRecords.of([item_with(f"{{{json.dumps(text, ensure_ascii=ascii_only)}: 1}}")]))
    if text not in ALWAYS_COLUMNS:
        assert found is not None
        assert list(found.dense) == [ValueColumn("int", text).name]


@draws(500)
@given(st.binary(max_size=12))
def test_strings_that_are_no_utf8_are_declined(data: bytes) -> None:
    line = b'{"reference_id": "%s", "image_url": "u"}' % data
    try:
        expected = orjson.loads(line)
    except orjson.JSONDecodeError:
        expected = None
    found = native_json.items(RawRecords.of([line]))
    if found is not None:
        assert expected is not None
        assert found.columns["reference_id"].to_list() == [expected["reference_id"]]


@pytest.mark.parametrize(
    "record",
    [
        *(b'{"reference_id": "\\%s", "image_url": "/u"}' % bad for bad in (b"x", b"u12", b"ud800", b"udc00x", b"")),
        b'{"reference_id": "a", "image_url": "/u"} x',
        b'{"reference_id": "a", "image_url": "/u",}',
        b'{"reference_id": "a", "image_url": "/u"',
        b'{"reference_id": "a", "image_url": "/u", "image_url": "v"}',
        b'{"reference_id": "a"}',
        b'{"reference_id": "a", "image_url": "/u", "url": "/v"}',
        b'{"reference_id": "a", "image_url": "/u", "url": ""}',
        b'{"reference_id": "a", "image_url": ""}',
        b'{"reference_id": "a", "image_url": null}',
        b'{"reference_id": "a", "image_url": "/u", "type": 1}',
        b'{"reference_id": "", "image_url": "/u"}',
        b'{"reference_id": null, "image_url": "/u"}',
        b'{"reference_id": "a", "image_url": "/u", "license": 1}',
        b'{"reference_id": "a", "image_url": "/u", "width": -0}',
        b'{"reference_id": "a", "image_url": "/u", "width": true}',
        b"[]",
        b"{}",
        b"",
        *(
            item_with(metadata)
            for metadata in (
                '{"a": 1, "a": 2}',
                '{"a": 01}',
                '{"a": 1.}',
                '{"a": .5}',
                '{"a": +1}',
                '{"a": -0}',
                '{"a": 1e400}',
                '{"a": 9223372036854775808}',
                '{"a": NaN}',
                '{"a": tru}',
                '{"a": [9223372036854775808]}',
                '{"a": [1, ]}',
                '{"a": {"b" 1}}',
                '{"a": ["\\ud800"]}',
                f'{{"a": {"[" * 200}1{"]" * 200}}}',
                '{"lat": 1}',
                '{"lat": 1, "longitude": 2}',
                '{"lat": 91, "lon": 2}',
                '{"lat": "91", "lon": 2}',
                '{"lat": "1", "lon": "2 E"}',
                '{"lat": "1e400", "lon": 2}',
                '{"lat": "1"}',
                '{"lat": 1, "lon": 2, "latitude": 1, "longitude": 2}',
                '{"context_attachments": []}',
                '{"context_attachments": 1}',
                '{"context_attachments": [{"attachment": "ftp://u"}]}',
                '{"context_attachments": [{"attachment": "/u"}, {"attachment": "/u", "frame": 1.0}]}',
                '{"camera_params": []}',
                '{"camera_params": true}',
                "[]",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_left_to_the_rules(record: bytes) -> None:
    assert fast_path.items(RawRecords.of([record])) is None
    beside = fast_path.items(RawRecords.of([raw(ITEM), record, raw(ITEM)]))
    assert beside is not None
    assert beside.places.tolist() == [0, 2], "its neighbours are taken"


def test_ordinary_records_are_taken() -> None:
    metadata = {"weather": "rain", "speed": 31, "f": 1.25, "on": True, "no": None, "tags": ["b", {"z": 1, "a": 2}]}
    items = [{**ITEM, "metadata": {**metadata, "latitude": 1, "longitude": -2.5}, "width": 0, "height": 2.5}, ITEM]
    items.append({**ITEM, "metadata": None, "width": None})
    assert check_agreement([raw(each) for each in items] * 40, "items") == 120
    spaced = b'\n {"reference_id"\t: "a" , "image_url" :"/u","metadata":{ } }\r\n'
    assert check_agreement([spaced], "items") == 1
    box = {**BOX, "metadata": metadata, "task_id": "t", "track_reference_id": None, "embedding_vector": None}
    assert check_agreement([raw(each) for each in (box, BOX)], "annotations") == 2
    assert check_agreement([raw({**box, "confidence": 0.5}), raw(BOX)], "predictions") == 2
    assert check_agreement([raw({**box, "confidence": 0.5})], "annotations") == 0


@draws(300)
@given(*(st.one_of(st.floats(-1e17, 1e17), st.integers(-(2**60), 2**60), st.floats(-1, 1)) for _ in range(4)))
@example(0.0, 1.0, 100.0, 12345678901234.5)
@example(0.1, 1e-4, 0.5, 0.30000000000000004)
def test_geometry_is_the_canonical_text(x: float, y: float, width: float, height: float) -> None:
    line = raw({**BOX, "geometry": {"x": x, "y": y, "width": width, "height": height}})
    check_agreement([line], "annotations")


@pytest.mark.parametrize("token", ["1.50", "1e2", "-0.0", "-0", "00.5", "0.10", "1.00"])
def test_numbers_of_a_geometry_that_the_writer_would_write_otherwise_are_declined(token: str) -> None:
    line = raw(BOX).replace(b'"x": 1,', b'"x": %s,' % token.encode()).replace(b'"x":1,', b'"x":%s,' % token.encode())
    assert token.encode() in line
    assert native_json.boxes(RawRecords.of([line]), prediction=False) is None


def test_items_whose_url_the_rule_has_to_judge_are_left_to_it() -> None:
    urls = ("nonsense", "https://a.org/x", "HTTPS://A.org/../x", "ftp://a")
    lines = RawRecords.of([raw({**ITEM, "image_url": url}) for url in urls])
    found = native_json.items(lines)
    assert found is not None
    assert found.places.tolist() == [0, 1, 2, 3]
    kept = fast_path.items(lines)
    assert kept is not None
    canonical, errors = canonical_column(pl.Series(["https://a.org/x", "HTTPS://A.org/../x"]))
    assert errors.null_count() == 2
    assert kept.places.tolist() == [1, 2]
    assert kept.columns["url"].to_list() == [None, canonical[1]]
    assert fast_path.items(lines[:1]) is None


def test_items_of_all_keys_of_urls_and_with_reserved_keys_are_taken() -> None:
    """I1, A1, A2: those that need no rule, whatever is beside them."""
    cloud = {"reference_id": "a", "url": "https://a.org/x.json"}
    metadata = {"context_attachments": [{"frame": 3, "attachment": "/a.jpg", "more": 1.50}], "camera_params": {"fx": 1}}
    items = [
        ITEM,
        cloud,
        {**cloud, "type": "image"},
        {**cloud, "type": "pointcloud", "url": "s3://b/x"},
        {"reference_id": "a", "pointcloud_url": "gs://b/x", "type": 'x"'},
        {**ITEM, "metadata": metadata},
        {**cloud, "metadata": {"context_attachments": None, "camera_params": None, "a": 1}},
    ]
    assert check_agreement([raw(each) for each in items], "items") == len(items)
    damaged = {**ITEM, "metadata": {"context_attachments": [{}]}}
    assert check_agreement([raw(each) for each in (*items, damaged, *items)], "items") == 2 * len(items)


def test_many_rare_keys_become_cells() -> None:
    lines = [raw({**ITEM, "metadata": {f"k{(row * 7 + n) % 500}": row for n in range(3)}}) for row in range(2_000)]
    assert check_agreement(lines, "items") == 2_000
    found = native_json.items(RawRecords.of(lines))
    assert found is not None
    assert (found.dense, found.cells.height) == ({}, 6_000)


def test_a_fault_of_the_parser_is_no_fault_of_a_neighbour() -> None:
    lines = [raw(ITEM), b'{"reference_id": ', raw({**ITEM, "metadata": {"a": 10**30}})]
    parsed = parse(lines)
    assert isinstance(parsed.faults[1], Fault)
    found = native_json.items(RawRecords.of(lines))
    assert found is not None
    assert found.places.tolist() == [0]


@pytest.mark.parametrize(
    ("key", "broken"),
    [(r"a\"b", 'a"b'), (r"a\\", "a\\"), (r"a\tb", "a\tb"), (r"\u0022", '"'), ("ab", "a"), ("a", "ab")],
)
def test_a_key_that_was_seen_before_is_known_by_its_text_only_if_that_is_all_of_it(key: str, broken: str) -> None:
    first, then = (item_with(f'{{"{each}": 1, "z": 2}}').replace(b'"u"', b'"/u"') for each in (key, broken))
    whole = broken.isalpha()
    assert check_agreement([first, then, first], "items") == (3 if whole else 2)
    assert check_agreement([first, first.replace(b": 1", b" \t: 1"), first[: first.index(b": 1")]], "items") == 2


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_record_that_the_next_line_would_complete_is_not_taken(line_end: bytes) -> None:
    whole = raw({**BOX, "metadata": {"a": [1, {"b": "c d"}], "on": True, "no": None, "f": -1.25e3}})
    assert check_agreement([whole], "annotations") == 1
    for cut in range(len(whole) + 1):
        records = split_lines(whole[:cut] + line_end + whole[cut:] + line_end + whole, offset=1).records
        found = native_json.boxes(records, prediction=False)
        assert found is not None
        taken = [records[place] for place in found.places.tolist()]
        assert taken == [whole] * (2 if cut in (0, len(whole)) else 1)


def test_records_beyond_their_block_are_refused() -> None:
    line = raw(ITEM)
    whole = np.array([len(line)])
    for data, starts, ends in (
        (line, np.array([0]), whole + 1),
        (line, np.array([-1]), whole),
        (line, whole, np.array([0])),
        (line, np.array([0, 0]), whole),
    ):
        with pytest.raises(ValueError, match="expected"):
            native_json.items(RawRecords(data, starts, ends))
