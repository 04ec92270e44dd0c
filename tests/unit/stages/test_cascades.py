"""Rejections that follow from that of an item or scene: I4, T5, P5."""

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from transforms.stages import cascades
from transforms.stages.elements import Rejection
from transforms.stages.rejections import Rejections

STEPS: list[Any] = [(0, "append"), (0, "append"), (1, "append"), (0, "merge")]


def rejection(group: Any, code: str, export: int = 0, offset: int = 0, name: str | None = "a") -> Rejection:
    return Rejection(group, code, "message", None, export, -1, offset + 1, offset, 0, name, b"")


def cascaded(rejections: list[Rejection], steps: list[Any]) -> list[Rejection]:
    return list(cascades.cascaded(Rejections.of(rejections), steps))


ITEM = rejection("items", "missing_url")
MARK = rejection("annotations", "unknown_reference", export=1)


def test_an_annotation_of_a_rejected_item_names_its_reason_and_place() -> None:
    item, mark = cascaded([ITEM, MARK], STEPS)
    assert item == ITEM
    assert mark == replace(
        MARK,
        relation="; its item was rejected in this job (missing_url at {})",
        other_export=0,
        other_chunk=-1,
        other_line=1,
    )
    assert Rejections.of([item, mark]).frame.select(cascades.IS_CASCADED).to_series().to_list() == [False, True]


def test_a_scene_is_called_so() -> None:
    _, mark = cascaded([rejection("scenes", "invalid_metadata"), MARK], STEPS)
    assert "its scene was rejected" in str(mark.relation)


def test_what_does_not_follow_is_unchanged() -> None:
    others = [
        rejection("items", "missing_url", name="b"),  # another item
        rejection("items", "missing_url", export=2),  # of another job of a backfill
        rejection("annotations", "invalid_field", export=1),  # rejected for a reason of its own
        rejection("annotations", "unknown_reference", export=3),  # in mode merge the record itself had to be there
        rejection("annotations", "unknown_reference", export=1),
        rejection("items", "malformed_json", name=None),
    ]
    assert cascaded(others, STEPS) == others


SOME = st.builds(
    rejection,
    st.sampled_from(["items", "scenes", "annotations", "predictions"]),
    st.sampled_from(["missing_url", "duplicate_id", "unknown_reference", "invalid_field"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(["a", "b", None]),
)


@given(st.lists(SOME, max_size=10, unique=True), st.randoms(use_true_random=False))
def test_the_order_of_rejections_changes_nothing(some: list[Rejection], chance: random.Random) -> None:
    order = chance.sample(range(len(some)), len(some))
    found = cascaded([some[place] for place in order], STEPS)
    assert [found[order.index(place)] for place in range(len(some))] == cascaded(some, STEPS)
