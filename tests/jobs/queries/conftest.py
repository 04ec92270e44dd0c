"""The dataset that queries are asked of: made once, read by all."""

import pytest
from support.query_oracle import World
from support.runs import Ended


@pytest.fixture(scope="session")
def published(query_dataset: Ended) -> Ended:
    return query_dataset


@pytest.fixture(scope="session")
def world(published: Ended) -> World:
    return World(published)
