"""Attachments checked as one long table are those that the rule accepts as they are: A1, K4, R8."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import attachment_values

from transforms.kernels.normalize.attachments import unusual_attachments
from transforms.rules.attachments import MAX_ATTACHMENT_CHARACTERS, MAX_ATTACHMENTS, attachments
from transforms.rules.rejections import Fault

SOUND: Any = {
    "attachment": "https://example.org/a.jpg",
    "frame": 0,
    "dims": {"width": 4, "height": 3.5},
    "camera_position": {"x": 1, "y": -2.5, "z": 0},
    "metadata": {"a": [True]},
}


@draws(200)
@given(st.lists(attachment_values, max_size=6))
def test_unusual_are_those_that_the_rule_rejects_or_changes(values: list[Any]) -> None:
    changed = {place for place, value in enumerate(values) if isinstance(attachments(value), Fault) or value == []}
    assert unusual_attachments(values) == changed


@pytest.mark.parametrize(
    "fault",
    [
        3,
        {"attachment": None},
        {"attachment": ""},
        {"attachment": "ftp://example.org/a"},
        {"attachment": 7},
        {"frame": -1},
        {"frame": True},
        {"frame": 2**63},
        {"frame": 1.0},
        {"dims": []},
        {"dims": {"width": 1}},
        {"dims": {"width": 1, "height": 0}},
        {"dims": {"width": 1, "height": None}},
        {"camera_position": {"x": 1, "y": True, "z": 0}},
        {"camera_position": "x"},
        {"metadata": []},
    ],
)
def test_a_fault_is_that_of_its_record_alone(fault: Any) -> None:
    wrong = {**SOUND, **fault} if isinstance(fault, dict) else fault
    assert isinstance(attachments([SOUND, wrong]), Fault)
    short = {"attachment": "/a.jpg", "dims": None, "note": "kept"}
    assert unusual_attachments([[SOUND], None, [SOUND, wrong], [short, SOUND]]) == {2}


def test_large_ones_are_left_to_the_rule() -> None:
    many = [{"attachment": "/a.jpg"}] * (MAX_ATTACHMENTS + 1)
    long = [{"attachment": "/a.jpg", "metadata": {"a": "x" * MAX_ATTACHMENT_CHARACTERS}}]
    assert unusual_attachments([[SOUND], many, [SOUND], long]) == {1, 3}
