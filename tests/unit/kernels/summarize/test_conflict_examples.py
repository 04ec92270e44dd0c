"""Examples of values in conflict: T5, T6."""

import json
import random
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, json_values

from transforms.kernels.batch.batch import Batch
from transforms.kernels.summarize.conflict_examples import EXAMPLES, SHOWN, Example, examples, smallest, wanted_kinds
from transforms.rules.values import canonical_json, kind, observed


def named(batch: Batch, export: str = "a.jsonl", offsets: list[int] | None = None) -> Batch:
    rows = batch.rows.with_columns(export_name=pl.lit(export))
    if offsets is not None:
        rows = rows.with_columns(offset=pl.Series(offsets, dtype=pl.Int64), reference_id=pl.lit("same"))
    return Batch(batch.group, rows, batch.cells)


# What is too long to be shown whole is cut; that has a test of its own.
VALUES = json_values.filter(lambda value: len(canonical_json(value)) < SHOWN)


def first_of(batch: Batch, field: str, kind: str) -> list[Example]:
    """The first few examples of one kind of a field."""
    return next(examples(batch, [(field, kind, EXAMPLES)]))


@draws(40)
@given(st.lists(VALUES, max_size=15), st.sampled_from([0, 60]), st.integers(0, 2**32))
def test_the_first_values_of_a_kind_by_where_they_stand(values: list[Any], empty: int, seed: int) -> None:
    batch = named(batch_of([{"a": value} for value in values] + [{}] * empty))
    order = np.random.default_rng(seed).permutation(batch.rows.height).astype(np.int64)
    for of in ("number", "string", "other"):
        mine = []
        for row, value in enumerate(values):
            seen = observed(value)
            if seen and kind(seen) == of:
                mine.append((row, value))
        found = next(examples(batch.take(order), [("a", of, EXAMPLES)]))
        assert [(each.offset, each.reference_id, each.kind) for each in found] == [
            (row, f"r{row}", of) for row, _ in mine[:EXAMPLES]
        ]
        if of != "other":
            assert repr([each.value for each in found]) == repr([value for _, value in mine[:EXAMPLES]])
        else:
            assert [json.loads(str(each.value)) for each in found] == [value for _, value in mine[:EXAMPLES]]


def test_a_long_value_is_cut_and_a_large_integer_is_a_number() -> None:
    batch = named(batch_of([{"a": "x" * 1000}, {"a": 10**40}, {"a": [1] * 1000}]))
    assert [each.value for each in first_of(batch, "a", "string")] == ["x" * SHOWN]
    assert [each.value for each in first_of(batch, "a", "number")] == [10**40]
    assert [len(str(each.value)) for each in first_of(batch, "a", "other")] == [SHOWN]


def test_a_field_or_kind_that_is_not_there_has_no_examples() -> None:
    batch = named(batch_of([{"a": 1}]))
    assert first_of(batch, "b", "number") == []
    assert first_of(batch, "a", "string") == []


def test_of_many_values_in_one_record_none_is_shown_by_chance() -> None:
    values: list[Any] = [True, *(f"s{n}" for n in range(20)), False, "True"]
    batch = named(batch_of([{"a": value} for value in values]), offsets=[7] * len(values))
    first = first_of(batch, "a", "string")
    assert len(first) == EXAMPLES
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(values)).astype(np.int64)
        assert first_of(batch.take(order), "a", "string") == first
        halves = [first_of(batch.take(half), "a", "string") for half in (order[:9], order[9:])]
        assert smallest(each for half in halves for each in half) == first


SOME = st.builds(
    Example,
    st.sampled_from("ab"),
    st.integers(0, 3),
    st.just("r"),
    st.just("string"),
    st.sampled_from(["x", True, "True", "y"]),
)


@given(st.lists(SOME, max_size=12), st.randoms(use_true_random=False))
def test_the_smallest_do_not_depend_on_order(some: list[Example], chance: random.Random) -> None:
    found = smallest(some)
    assert repr(smallest(chance.sample(some, len(some)))) == repr(found)
    assert [(each.export, each.offset) for each in found] == sorted((each.export, each.offset) for each in some)[
        :EXAMPLES
    ]


def test_several_of_the_rarest_kind_of_each_conflict_and_one_of_each_other() -> None:
    conflicts = [
        {"group": "items", "field": "speed", "kinds": {"number": 99998, "string": 2}},
        {"group": "scenes", "field": "a", "kinds": {"string": 1, "number": 1, "other": 5}},
        {"group": "scenes", "field": "b", "kinds": {"string": 1, "number": 9}, "declared": "string"},
    ]
    schema: Any = {"conflicts": conflicts}
    assert list(wanted_kinds(schema)) == [
        ("items", "speed", "string", EXAMPLES),
        ("items", "speed", "number", 1),
        ("scenes", "a", "number", EXAMPLES),
        ("scenes", "a", "string", 1),
        ("scenes", "a", "other", 1),
        ("scenes", "b", "number", EXAMPLES),
        ("scenes", "b", "string", 1),
    ]


def test_one_example_is_the_first_of_those_that_stand_in_one_record() -> None:
    batch = named(batch_of([{"a": value} for value in ("b", "a", "c")]), offsets=[3, 3, 5])
    for order in ([0, 1, 2], [2, 1, 0]):
        ((found,),) = examples(batch.take(np.array(order, np.int64)), [("a", "string", 1)])
        assert (found.offset, found.value) == (3, "a")
