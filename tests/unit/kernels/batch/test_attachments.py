"""Attachments read from JSON texts: those that the rule accepts, however deep, each text on its own: A1."""

import json
from typing import Any

import pytest

from transforms.kernels.batch import attachments
from transforms.kernels.batch.attachments import checked, stored
from transforms.rules.attachments import NUMBERS

PLAIN = '[{"attachment":"/a.jpg","metadata":{"b":[1]}},{"attachment":"/b.jpg","metadata":null,"note":1}]'
DEEP_METADATA = '{"a":' * 1_010 + "1" + "}" * 1_010
DEEP = '[{"attachment":"/a.jpg","dims":{"height":2,"width":1},"frame":3,"metadata":' + DEEP_METADATA + "}]"


def test_metadata_of_stored_attachments_is_the_text_as_it_stands_however_deep_it_is() -> None:
    plain, deep, other = stored([PLAIN, DEEP, PLAIN])
    assert [bytes(each.metadata) for each in plain] == [b'{"b":[1]}', b"null"]
    assert other == plain
    (found,) = deep
    assert bytes(found.metadata) == DEEP_METADATA.encode()
    assert (found.attachment, found.frame, found.dims) == ("/a.jpg", 3, attachments.Size(1.0, 2.0))


@pytest.mark.parametrize("wrong", ["3", "{}", "[]", "[3]", "[{}]", '[{"attachment":""}]'])
def test_a_text_that_cannot_be_read_has_none_and_its_neighbours_theirs(wrong: str) -> None:
    before, found, after = checked([PLAIN, wrong, PLAIN])
    assert found == []
    assert [each.attachment for each in before] == [each.attachment for each in after] == ["/a.jpg", "/b.jpg"]


def test_neighbours_of_one_that_is_nested_too_deeply_for_some_releases_of_python_have_theirs() -> None:
    before, found, after = checked([PLAIN, DEEP, PLAIN])
    assert [each.attachment for each in found] in ([], ["/a.jpg"])
    assert [each.attachment for each in before] == [each.attachment for each in after] == ["/a.jpg", "/b.jpg"]


def test_the_numbers_are_those_of_the_rule() -> None:
    of_each: dict[str, Any] = {"dims": attachments.Size, "camera_position": attachments.Place}
    assert {name: keys for name, keys, _ in NUMBERS} == {name: each.__struct_fields__ for name, each in of_each.items()}
    for name, keys, is_positive in NUMBERS:
        text = json.dumps([{"attachment": "/a", name: dict.fromkeys(keys, 0)}])
        assert (checked([text]) == [[]]) == is_positive
