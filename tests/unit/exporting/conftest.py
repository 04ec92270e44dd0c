"""Datasets that are exported."""

import pytest
from support import mixed_exports
from support.in_process import ingest
from support.runs import Ended, flags


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A dataset with records of every sort."""
    folder = tmp_path_factory.mktemp("mixed")
    run = ingest(
        folder / "dataset", *flags(mixed_exports.job(folder / "exports", seed=3, numbers=range(60))), "--partitions=3"
    )
    assert run.outcome == "published"
    return run


@pytest.fixture(scope="session")
def asked(query_dataset: Ended) -> Ended:
    """A dataset with something of everything that a query can ask for."""
    return query_dataset
