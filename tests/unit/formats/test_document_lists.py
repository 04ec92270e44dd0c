"""Lists of a JSON document by their keys: RULES F2 to F4 and R2 (a bad element takes no neighbour with it)."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.formats import document_window
from transforms.formats.chunks import Unreadable
from transforms.formats.document_lists import WHOLE, ListPart, read_lists
from transforms.formats.document_reader import read_document
from transforms.formats.whole_elements import whole_elements

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet='a"\\{}[],:é\n'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='"\\{}a', max_size=3), inner),
    max_leaves=8,
)
indents = st.sampled_from([None, 0, 2])


def read(data: bytes, *wanted: str) -> tuple[dict[str, list[Any]], list[ListPart], Unreadable | None]:
    """The elements of the wanted lists, all parts, and the fault at the end."""
    found: dict[str, list[Any]] = {}
    parts = []
    try:
        for part in read_lists(io.BytesIO(data), wanted):
            parts.append(part)
            if part.chunk is not None:
                found.setdefault(part.key, []).extend(part.chunk.records)
    except Unreadable as error:
        return found, parts, error
    return found, parts, None


@draws(60)
@given(document=st.dictionaries(st.sampled_from(["a", "b", "c"]), values | st.lists(values)), indent=indents)
def test_elements_are_those_of_the_document(document: dict[str, Any], indent: int | None) -> None:
    found, parts, fault = read(json.dumps(document, indent=indent).encode(), "a", "b")
    assert fault is None
    lists = {key: value for key, value in document.items() if isinstance(value, list) and key != "c"}
    assert json.dumps({key: [json.loads(each) for each in of] for key, of in found.items()}) == json.dumps(lists)
    assert {part.key for part in parts} == document.keys()
    passed = sum(part.count for part in parts if part.key == "c")
    assert passed == (len(document["c"]) if isinstance(document.get("c"), list) else passed)


def test_keys_are_compared_by_what_they_say() -> None:
    found, parts, fault = read(rb'{"\u0061": [1], "b\/\ud83d\ude00": [], "c\ud83d": []}', "a")
    assert (found, fault) == ({"a": [b"1"]}, None)
    assert list(dict.fromkeys(part.key for part in parts)) == ["a", "b/\U0001f600", "c\ud83d"]
    _, _, fault = read(rb'{"a": [1], "\u0061": [2]}', "a")
    assert fault is not None
    assert "expected the list under 'a' once" in fault.message
    (chunk,) = read_document(io.BytesIO(rb'{"\u0069tems": [{"a": 1}]}'))
    assert [*chunk.records] == [b'{"a": 1}']


@draws(60)
@given(elements=st.lists(st.text(alphabet='{}[]",:\\a1 \n', max_size=12), max_size=8))
def test_garbage_is_cut_as_by_the_reader_of_records(elements: list[str]) -> None:
    data = f"[{','.join(elements)}]".encode()
    expected: list[bytes] = []
    fault = None
    try:
        for chunk in read_document(io.BytesIO(data)):
            expected += chunk.records
    except Unreadable as error:
        fault = error
    found, _, other = read(data, WHOLE)
    if fault is None and other is None:
        assert found[WHOLE] == expected
    else:
        assert other is not None


@draws(40)
@given(elements=st.lists(values, max_size=6), indent=indents)
def test_whole_elements_are_elements(elements: list[Any], indent: int | None) -> None:
    data = json.dumps([elements, *elements], indent=indent).encode()
    found = [data[start:end] for start, end in zip(*whole_elements(data, 1), strict=True)]
    expected = [each for each in [elements, *elements] if isinstance(each, list | dict)]
    assert json.dumps([json.loads(each) for each in found]) == json.dumps(expected[: len(found)])


def test_windows_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_window, "_READ_BYTES", 7)
    monkeypatch.setattr(document_window, "CHUNK_RECORDS", 3)
    elements = [{"a": '}]\\"' * number, "b": [[number]]} for number in range(20)]
    found, parts, fault = read(json.dumps({"x": elements, "y": elements}, indent=1).encode(), "y")
    assert (fault, [json.loads(each) for each in found["y"]]) == (None, elements)
    assert sum(part.count for part in parts if part.key == "x") == 20
    assert [number for part in parts for number in part.numbers().tolist()] == [*range(20)]
    lines = [
        line for part in parts if part.chunk for line in (part.chunk.lines + (part.chunk.first_line or 0)).tolist()
    ]
    assert lines[0] > 20
    assert lines == sorted(set(lines))


@pytest.mark.parametrize(
    ("data", "count", "message"),
    [
        (b'{"a": [{"x": 1}, {"x": 2', 1, 'ending with "]"'),
        (b'{"a": [{"x": 1}', 1, 'ending with "]"'),
        (b'{"a": [{"x": 1}], "a": [{"x": 2}]}', 1, "the list under 'a' once"),
        (b'{"a": [{"x": 1}], 5}', 1, "a key"),
        (b'{"a": [{"x": 1}]} {"a": []}', 1, "the end of the document"),
        (b'{"b": [1, 2', 0, 'ending with "]"'),
        (b"5", 0, "an object with lists"),
        (b"", 0, "an object with lists"),
    ],
)
def test_what_is_readable_comes_before_a_fault(data: bytes, count: int, message: str) -> None:
    found, _, fault = read(data, "a")
    assert len(found.get("a", ())) == count
    assert message in f"{fault}"


def test_an_element_beyond_the_limit_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.rules.limits.MAX_LINE_BYTES", 100)
    data = json.dumps({"a": [{"x": 1}, {"x": "y" * 200}, {"x": 2}]}).encode()
    _, (part,), fault = read(data, "a")
    assert (fault, part.numbers().tolist(), part.numbers_of_refused()) == (None, [0, 2], [1])
