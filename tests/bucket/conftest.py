"""Fixtures for the tests of datasets in a bucket."""

from datetime import timedelta

import pytest
from support.in_process import without_beam

from pipelines.dataset.store import bucket_runs

__all__ = ["without_beam"]


@pytest.fixture
def dataset(bucket: str) -> str:
    return f"{bucket}/dataset"


@pytest.fixture
def short_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not been heard of for a second is dead."""
    monkeypatch.setattr(bucket_runs, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(bucket_runs, "HEARTBEAT_TIMEOUT", timedelta(seconds=1))
