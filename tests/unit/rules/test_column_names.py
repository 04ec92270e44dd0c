"""Column names: V9."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.rules.column_names import columns

AVRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
keys = st.lists(st.one_of(st.text(max_size=4), st.text(st.sampled_from("a_.1"), max_size=3)), max_size=12)


@given(keys)
def test_distinct_keys_have_distinct_avro_names(found: list[str]) -> None:
    names = columns(found)
    assert set(names) == set(found)
    assert len(set(names.values())) == len(names)
    assert all(AVRO_NAME.fullmatch(name) for name in names.values())


@given(keys, st.randoms(use_true_random=False))
def test_the_order_of_the_keys_does_not_matter(found: list[str], chance: random.Random) -> None:
    shuffled = found.copy()
    chance.shuffle(shuffled)
    assert columns(shuffled) == columns(found)


@given(keys, st.text(max_size=4))
def test_a_name_depends_on_its_own_key(found: list[str], key: str) -> None:
    assert columns([*found, key])[key] == columns([key])[key]


@given(st.from_regex(AVRO_NAME, fullmatch=True))
def test_a_valid_name_keeps_itself(key: str) -> None:
    assert columns([key]) == {key: key}


@pytest.mark.parametrize("key", ["", "2nd", "a.b", "a b", "é", "\n", "a\n", "\U0001f697", "a-b", "٣", "\ud800"])
def test_an_invalid_name_is_escaped_and_marked_with_its_hash(key: str) -> None:
    name = columns([key])[key]
    assert AVRO_NAME.fullmatch(name)
    assert re.search(r"_[0-9a-f]{8}$", name)


def test_keys_that_differ_only_in_case_or_in_an_escaped_character_stay_apart() -> None:
    names = columns(["a.b", "a-b", "a_b", "A_b"])
    assert (names["a_b"], names["A_b"]) == ("a_b", "A_b")
    assert len(set(names.values())) == 4


def test_a_valid_key_that_looks_like_an_escaped_one_wins_and_the_hash_gets_longer() -> None:
    escaped = columns(["a.b"])["a.b"]
    names = columns(["a.b", escaped])
    assert names[escaped] == escaped
    assert names["a.b"].startswith(escaped)
    assert len(names["a.b"]) == len(escaped) + 1


def test_even_keys_made_to_collide_at_every_length_stay_apart() -> None:
    taken: list[str] = []
    for _ in range(60):
        taken.append(columns(["a.b", *taken])["a.b"])
    assert len(set(taken)) == 60
    assert columns(["a.b", *taken])["a.b"] not in taken
