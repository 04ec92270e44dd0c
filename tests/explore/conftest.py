"""The dataset that the explorer shows, served once, and what a plain evaluator finds in it."""

from collections.abc import Iterator

import pytest
from support.explorer import Explorer, exploring
from support.query_oracle import World
from support.runs import Ended


@pytest.fixture(scope="session")
def published(query_dataset: Ended) -> Ended:
    return query_dataset


@pytest.fixture(scope="session")
def world(published: Ended) -> World:
    return World(published)


@pytest.fixture(scope="session")
def explorer(published: Ended) -> Iterator[Explorer]:
    with exploring(published.dataset) as served:
        yield served
