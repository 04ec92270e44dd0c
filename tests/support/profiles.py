"""What the gate takes of tests, which every change passes, and what is left to the long run (`make test-long`).

The gate draws fewer examples: `pytest --hypothesis-profile long` draws all. It passes over what is marked `long`.
"""

from collections.abc import Container, Iterable, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import settings

GATE, LONG = "gate", "long"
_PERCENT = {GATE: 20, LONG: 200}
_FEWEST = 2
"""The first example that Hypothesis draws is the simplest, and says little."""


def register() -> None:
    """Registers both profiles, and loads the one of the gate."""
    for name, percent in _PERCENT.items():
        # How long an example takes depends on the machine: no test passes or fails by a time.
        settings.register_profile(name, deadline=None, database=None, max_examples=percent)
    settings.load_profile(GATE)


def share(count: int) -> int:
    """What becomes of a usual number of examples in the profile that is loaded: as of the 100 of Hypothesis itself."""
    return max(min(count, _FEWEST), count * settings.default.max_examples // 100)


def draws(count: int, *, gate: int | None = None, **more: Any) -> settings:
    """The settings of a test that draws more or fewer examples than the usual 100: so many, as the profile scales.

    Args:
        count: How many examples there would be of the 100 of Hypothesis itself.
        gate: How many the gate draws instead, where each takes a tenth of a second or more.
        more: Further settings of Hypothesis.
    """
    fewer = gate is not None and settings.get_current_profile_name() == GATE
    return settings(max_examples=gate if fewer else share(count), **more)


def cases(every: Iterable[Any], gate: Container[Any]) -> list[Any]:
    """The cases of a parametrized test: those of the gate, and the others for the long run alone.

    A tuple is a case of several parameters.
    """
    split = [(each, each if isinstance(each, tuple) else (each,)) for each in every]
    return [pytest.param(*values, marks=[] if each in gate else [pytest.mark.long]) for each, values in split]


def some_and_all(some: Any, every: Any) -> list[Any]:
    """The parameters of a test that goes through many cases: some in the gate, all in the long run."""
    return [pytest.param(some, id="some"), pytest.param(every, id="all", marks=pytest.mark.long)]


def every_combination(*values: Sequence[Any]) -> list[Any]:
    """The cases of several parameters: each value of each in the gate, with all others in the long run."""
    gate = [tuple(of[number % len(of)] for of in values) for number in range(max(map(len, values)))]
    return cases(product(*values), gate)
