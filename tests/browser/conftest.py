"""Fixtures for the tests of the insights page."""

from collections.abc import Iterator

import pytest
from support.browser import Browser, Page, browser
from support.in_process import without_beam
from support.insights import dataset
from support.runs import Ended

from pipelines.cli.main import main

__all__ = ["browser", "without_beam"]


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The job of the second version of a dataset with fields of all types."""
    return dataset(tmp_path_factory.mktemp("insights"))


@pytest.fixture(scope="session")
def url(ended: Ended) -> str:
    """The address of its page."""
    out = ended.dataset.parent / "page.html"
    assert main(["report", str(ended.dataset), "--out", str(out)]) == 0
    return out.as_uri()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """Its page, opened."""
    with browser.page(url) as opened:
        opened.wait_for("document.documentElement.dataset.ready")
        yield opened
