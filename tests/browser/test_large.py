"""Two thousand fields with 250 categories each: all in the page, and only what is in view drawn."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import Browser, Page

from pipelines.report.fields import field_documents
from pipelines.report.page import page as page_of
from transforms.rules.values import JsonObject

FIELDS = 2000
CATEGORIES = 250
NOTHING: JsonObject = {"read": 0, "created": 0, "updated": 0, "ignored": 0, "unchanged": 0, "rejected": 0}


def described(number: int) -> JsonObject:
    """A categorical field as in schema.json."""
    return {
        "type": "categorical",
        "kind": "string",
        "storage": "string",
        "column": f"field_{number:04d}",
        "present": 100_000,
        "null": 0,
        "missing": number,
        "observed": {"bool": 0, "int": 0, "float": 0, "string": 100_000, "list": 0, "object": 0},
        "distinct": {"value": CATEGORIES, "exact": True},
        "categories": [{"value": f"category {at:03d}", "count": 1000 - at} for at in range(CATEGORIES)],
        "minimum": None,
        "maximum": None,
        "mean": None,
        "stddev": None,
        "inexact": 0,
    }


def group(name: str, fields: dict[str, JsonObject]) -> JsonObject:
    return {
        "name": name,
        "records": 102_000 if fields else 0,
        "counts": NOTHING,
        "rejections": [],
        "conflicts": [],
        "changes": None,
        "locations": None,
        "fields": field_documents(fields, {}, {}, {}, {}),
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fields = {f"field_{number:04d}": described(number) for number in range(FIELDS)}
    names = ("items", "scenes", "annotations", "predictions")
    document: JsonObject = {
        "dataset": "large",
        "place": "/large",
        "version": 1,
        "parent": None,
        "compared": None,
        "published_at": "2026-01-02T03:04:05+00:00",
        "run": None,
        "cache_keys": {"upload": 0, "cached": 0},
        "warnings": {},
        "groups": [group(name, fields if name == "items" else {}) for name in names],
    }
    out = tmp_path_factory.mktemp("large") / "large.html"
    out.write_bytes(page_of(document))
    return out


@pytest.fixture
def page(browser: Browser, path: Path) -> Iterator[Page]:
    with browser.page(path.as_uri(), height=900) as opened:
        opened.wait_for("document.documentElement.dataset.ready")
        opened.settle()
        yield opened


def count(page: Page, what: str) -> int:
    return int(page.evaluate(f"document.querySelectorAll({what!r}).length"))


def test_only_what_is_in_view_is_drawn(page: Page) -> None:
    assert count(page, ".field") == FIELDS
    assert count(page, ".field[data-drawn]") < 60
    assert count(page, ".field .body > *") == 0
    page.evaluate("document.querySelector('.fields > li:last-child').scrollIntoView()")
    page.wait_for("document.querySelector('.fields > li:last-child .field').dataset.drawn === 'row'")
    assert count(page, ".field[data-drawn]") < 150


def test_of_fields_that_are_all_open_those_in_view_are_drawn(page: Page) -> None:
    page.click("#open-all")
    page.settle()
    assert count(page, ".field[open]") == FIELDS
    page.wait_for("document.querySelectorAll('.field[data-drawn=body]').length > 0")
    assert count(page, ".field[data-drawn=body]") < 60
    assert count(page, ".bars tbody tr") < 60 * 11
    page.click("#close-all")
    assert count(page, ".field[open]") == 0


def test_every_field_and_every_category_can_be_reached(page: Page) -> None:
    page.evaluate("document.getElementById('search').focus()")
    page.type("field_1999")
    assert count(page, ".fields > li:not([hidden])") == 1
    page.evaluate("document.querySelector('.fields > li:not([hidden]) .field').open = true")
    page.wait_for("document.querySelector('.fields > li:not([hidden]) .field').dataset.drawn === 'body'")
    page.evaluate("document.querySelector('.fields > li:not([hidden]) .below button').click()")
    assert count(page, ".fields > li:not([hidden]) .bars tbody tr") == CATEGORIES
    assert page.complaints == []
