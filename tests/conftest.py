"""What holds for all tests."""

import gc
from typing import TYPE_CHECKING

import pytest
from support import profiles
from support.bucket import bucket, closed_connections, emulator

if TYPE_CHECKING:
    from support.runs import Ended

__all__ = ["bucket", "closed_connections", "emulator"]

# So that a difference between the product and the oracle is shown value by value.
pytest.register_assert_rewrite("support.agreement", "support.published")

profiles.register()


@pytest.fixture(scope="session")
def query_dataset(tmp_path_factory: pytest.TempPathFactory) -> "Ended":
    """A dataset with something of everything that a query can ask for, which tests only read."""
    from support.query_exports import build  # noqa: PLC0415 - it loads Beam, for those that ask for it

    return build(tmp_path_factory.mktemp("queries"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the slow ones first: at the end each would keep one process busy, and the others idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Leaves what the tests have imported out of garbage collection, and collects seldom, as jobs do."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
