"""How many examples Hypothesis draws: few in the gate that every change passes, all of them in the long run.

`pytest --hypothesis-profile long` chooses the other one, as `make test-long` does.
"""

from typing import Any

from hypothesis import settings

GATE, LONG = "gate", "long"
_PERCENT = {GATE: 20, LONG: 200}


def register() -> None:
    """Registers both profiles, and loads the one of the gate."""
    for name, percent in _PERCENT.items():
        # How long an example takes depends on the machine: no test passes or fails by a time.
        settings.register_profile(name, deadline=None, database=None, max_examples=percent)
    settings.load_profile(GATE)


def share(count: int) -> int:
    """What becomes of a usual number of examples in the profile that is loaded: as of the 100 of Hypothesis itself."""
    return max(1, count * settings.default.max_examples // 100)


def draws(count: int, **more: Any) -> settings:
    """The settings of a test that draws more or fewer examples than the usual 100: so many, as the profile scales."""
    return settings(max_examples=share(count), **more)
