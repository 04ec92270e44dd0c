"""The laws of a commutative monoid, as checks for any `merge` and `zero` (RULES T5, P3)."""

import random
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import TypeVar

Summary = TypeVar("Summary")
Merge = Callable[[Summary, Summary], Summary]


def check_identity(merge: Merge[Summary], zero: Summary, value: Summary) -> None:
    """Merging with zero, on either side, changes nothing."""
    assert merge(zero, value) == value
    assert merge(value, zero) == value


def check_commutativity(merge: Merge[Summary], a: Summary, b: Summary) -> None:
    """The order of two does not matter."""
    assert merge(a, b) == merge(b, a)


def check_associativity(merge: Merge[Summary], a: Summary, b: Summary, c: Summary) -> None:
    """The grouping of three does not matter."""
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


def check_any_grouping(
    merge: Merge[Summary], zero: Summary, parts: Sequence[Summary], *, chance: random.Random, tries: int = 3
) -> Summary:
    """Any order and any tree of merges, with zeros strewn in, give the same; returns that.

    Args:
        merge: The operation.
        zero: Its neutral element.
        parts: What is merged.
        chance: Where orders and trees come from.
        tries: How many of them.
    """
    expected = reduce(merge, parts, zero)
    for _ in range(tries):
        waiting = [*parts, zero]
        chance.shuffle(waiting)
        while len(waiting) > 1:
            a, b = waiting.pop(chance.randrange(len(waiting))), waiting.pop(chance.randrange(len(waiting)))
            waiting.append(merge(a, b))
        assert waiting == [expected]
    return expected


def check_monoid(merge: Merge[Summary], zero: Summary, parts: Sequence[Summary], *, chance: random.Random) -> Summary:
    """All laws at once over some parts, and that no merge changes what it was given; returns all of them merged."""
    before = repr(parts)
    for value in parts[:3]:
        check_identity(merge, zero, value)
    for a, b in pairwise(parts):
        check_commutativity(merge, a, b)
    for a, b, c in zip(parts, parts[1:], parts[2:], strict=False):
        check_associativity(merge, a, b, c)
    merged = check_any_grouping(merge, zero, parts, chance=chance)
    assert repr(parts) == before, "a merge changed its arguments"
    return merged


def check_partitions(
    summarize: Callable[[list[object]], Summary],
    merge: Merge[Summary],
    zero: Summary,
    values: Sequence[object],
    *,
    chance: random.Random,
) -> Summary:
    """However values are shuffled and cut into batches, the merged summaries are that of all at once; returns it."""
    expected = summarize(list(values))
    shuffled = list(values)
    chance.shuffle(shuffled)
    cuts = sorted(chance.randrange(len(shuffled) + 1) for _ in range(chance.randrange(5)))
    batches = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    assert check_any_grouping(merge, zero, [summarize(batch) for batch in batches], chance=chance) == expected
    return expected
