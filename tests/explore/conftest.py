"""The dataset that the explorer shows, served once, and what a plain evaluator finds in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.explorer import Explorer, exploring
from support.query_exports import build
from support.query_oracle import World
from support.runs import Ended


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return build(Path(tmp_path_factory.mktemp("explored")))


@pytest.fixture(scope="session")
def world(published: Ended) -> World:
    return World(published)


@pytest.fixture(scope="session")
def explorer(published: Ended) -> Iterator[Explorer]:
    with exploring(published.dataset) as served:
        yield served
