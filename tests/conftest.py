"""What holds for all tests."""

import pytest
from support import profiles
from support.bucket import bucket, emulator

__all__ = ["bucket", "emulator"]

# So that a difference between the product and the oracle is shown value by value.
pytest.register_assert_rewrite("support.agreement", "support.published")

profiles.register()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the slow ones first: at the end each would keep one process busy, and the others idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
