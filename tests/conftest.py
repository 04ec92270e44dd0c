"""What holds for all tests."""

import pytest
from hypothesis import settings
from support.bucket import bucket, emulator

__all__ = ["bucket", "emulator"]

# So that a difference between the product and the oracle is shown value by value.
pytest.register_assert_rewrite("support.agreement", "support.published")

# How long an example takes depends on the machine: no test passes or fails by a time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the slow ones first: at the end each would keep one process busy, and the others idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
