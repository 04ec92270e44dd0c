"""How much Hypothesis draws is said by its profile, and by no test alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.profiles import GATE, LONG, draws

TESTS = Path(__file__).parents[1]


@pytest.fixture(params=[GATE, LONG])
def profile(request: pytest.FixtureRequest) -> Iterator[str]:
    before = settings.get_current_profile_name()
    settings.load_profile(request.param)
    yield request.param
    settings.load_profile(before)


def test_no_test_overrides_the_profile() -> None:
    found = [path for path in TESTS.rglob("*.py") if "max_examples=" in path.read_text("utf-8")]
    assert {path.relative_to(TESTS).as_posix() for path in found} == {"support/profiles.py", "unit/test_profiles.py"}


def test_the_gate_draws_a_part_and_the_long_run_more_than_all(profile: str) -> None:
    usual = (1, 4, 60, 100, 2_000)
    assert [draws(count).max_examples for count in usual] == {
        GATE: [1, 2, 12, 20, 400],
        LONG: [2, 8, 120, 200, 4_000],
    }[profile]
    assert settings().max_examples == draws(100).max_examples


def test_a_test_with_slow_examples_says_how_many_the_gate_draws(profile: str) -> None:
    assert draws(60, gate=5).max_examples == {GATE: 5, LONG: 120}[profile]


def test_neither_fails_by_a_time_or_remembers_what_failed(profile: str) -> None:
    assert settings.get_profile(profile).deadline is None
    assert settings.get_profile(profile).database is None
