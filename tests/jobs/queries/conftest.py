"""The dataset that queries are asked of: made once, read by all."""

from pathlib import Path

import pytest
from support.query_exports import build
from support.query_oracle import World
from support.runs import Ended


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return build(Path(tmp_path_factory.mktemp("queries")))


@pytest.fixture(scope="session")
def world(published: Ended) -> World:
    return World(published)
