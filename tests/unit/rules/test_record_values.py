"""Records with too many values are refused before they are parsed (R8)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.kernels.batch.exact_json import parse
from transforms.rules import record_values
from transforms.rules.limits import MAX_RECORD_VALUES
from transforms.rules.rejections import Code

MESSAGE = "expected a record of at most 2,000,000 values, got more"
TREES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a,[{"\\é', max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='b,[{"\\', max_size=3), inner),
)


def values_of(tree: object) -> int:
    """The number of values, where an empty list or object counts as two."""
    inner = list(tree.values()) if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 1 if inner is None else 1 + (sum(map(values_of, inner)) or 1)


@given(TREES, st.booleans())
def test_values_are_counted_in_any_record_and_text_is_not(tree: object, ascii_only: bool) -> None:
    record = json.dumps(tree, ensure_ascii=ascii_only).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_values, "SHORTEST", 0)
        patch.setattr(record_values, "MAX_RECORD_VALUES", values_of(tree))
        assert record_values.value_fault(record) is None
        patch.setattr(record_values, "MAX_RECORD_VALUES", values_of(tree) - 1)
        assert record_values.value_fault(record) is not None


@pytest.mark.parametrize("value", [b"1", pytest.param(b'{"a":1}', marks=pytest.mark.long)], ids=["numbers", "objects"])
def test_a_record_of_too_many_values_is_malformed_and_its_neighbours_are_not(value: bytes) -> None:
    large = b'{"reference_id":"x","metadata":{"l":[%s]}}' % b",".join([value] * MAX_RECORD_VALUES)
    parsed = parse([b'{"a":1}', large, b'{"b":2}'])
    assert parsed.values == [{"a": 1}, None, {"b": 2}]
    assert {place: (fault.code, fault.message) for place, fault in parsed.faults.items()} == {
        1: (Code.MALFORMED_JSON, MESSAGE)
    }


def test_a_record_of_as_many_values_as_allowed_is_parsed() -> None:
    numbers = b",".join([b"1"] * (MAX_RECORD_VALUES - 2))
    assert parse([b'{"l":[%s]}' % numbers]).faults == {}
    assert list(parse([b'{"l":[%s,1]}' % numbers]).faults) == [0]
