"""What holds for all tests."""

import gc

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


def pytest_collection_finish() -> None:
    """Leaves what the tests have imported out of garbage collection, and collects seldom, as jobs do."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
