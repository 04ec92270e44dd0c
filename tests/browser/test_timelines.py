"""Timelines of fields of dates in a real browser: in the report, and in the explorer, where clicks ask for ranges."""

from pathlib import Path

import pytest
from support.browser import Browser, Page
from support.dated_items import build
from support.explorer import exploring
from support.runs import Ended

from pipelines.cli.main import main

CARD = (
    "[...document.querySelectorAll('.card')].find((each) => each.querySelector('h3').textContent.startsWith({name!r}))"
)
QUERY = "document.getElementById('query').value"


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return build(tmp_path_factory.mktemp("dated"))


def bin_of(page: Page, name: str, number: int) -> str:
    """A bin of a card, scrolled into view: an expression for it."""
    card = CARD.format(name=name)
    page.evaluate(f"{card}.scrollIntoView({{block: 'center'}})")
    page.wait_for(f"!!{card}.querySelector('.hit')")
    return f"{card}.querySelectorAll('.hit')[{number}]"


def test_a_click_on_a_month_asks_for_it_and_several_are_chosen_with_the_keyboard(
    browser: Browser, dated: Ended
) -> None:
    with exploring(dated.dataset, images="off") as explorer, browser.page(explorer.opened, width=1400) as page:
        page.wait_for("document.querySelectorAll('.card').length")
        page.wait_for("document.documentElement.dataset.ready")
        may = bin_of(page, "captured_at", 4)
        assert page.evaluate(f"{may}.getAttribute('aria-label')") == "2024-05: 31"
        page.evaluate(f"{may}.focus()")
        page.press("Enter")
        asked = "metadata.captured_at >= 2024-05-01 AND metadata.captured_at < 2024-06-01"
        page.wait_for(f"{QUERY} === {asked!r}")
        page.wait_for("document.querySelector('.records .count strong').textContent === '31'")
        page.wait_for("document.querySelector('.insights-status').textContent.startsWith('31 of 300')")
        second = bin_of(page, "shift", 1)
        assert page.evaluate(f"{second}.getAttribute('aria-label')") == "2024-03-02: 8 of 75"
        page.evaluate(f"{second}.focus()")
        page.press("ArrowRight", shift=True)
        page.press("Enter")
        page.wait_for(
            f"{QUERY} === '{asked} AND metadata.shift >= 2024-03-02 AND metadata.shift < 2024-03-04'",
        )
        page.wait_for("document.querySelector('.records .count strong').textContent === '15'")
        assert page.complaints == []


def test_the_report_draws_the_timeline_of_a_field_of_dates(browser: Browser, dated: Ended, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert main(["report", str(dated.dataset), "--out", str(out)]) == 0
    with browser.page(out.as_uri()) as page:
        page.wait_for("document.documentElement.dataset.ready")
        page.click("#items .field summary")
        page.wait_for("!!document.querySelector('#items .field svg.chart')")
        said = page.evaluate("document.querySelector('#items .field svg.chart').ariaLabel")
        assert said == "Timeline of captured_at: from 2024-01 to 2024-11; most records, 31, are of 2024-03."
        assert page.evaluate("document.querySelector('#items .field figcaption').textContent") == (
            "Records by month; 3 values that are no dates are left out."
        )
        page.click("#items .field figure .opening summary")
        rows = page.evaluate("document.querySelectorAll('#items .field figure tbody tr').length")
        assert rows == page.evaluate("document.querySelectorAll('#items .field svg.chart rect').length") == 11
        assert page.complaints == []


@pytest.mark.parametrize(
    ("unit", "first", "last", "expected"),
    [
        ("day", "2024-02-28", "2024-03-01", "2024-02-28 2024-02-29 2024-03-01 2024-03-02"),
        ("month", "2023-12", "2024-01", "2023-12-01 2024-01-01 2024-02-01"),
        ("year", "9998", "9999", "9998-01-01 9999-01-01 9999-99"),
        ("year", "0001", "0300", "0001-01-01 0004-01-01 0007-01-01"),
    ],
)
def test_bins_follow_each_other_without_gaps(browser: Browser, unit: str, first: str, last: str, expected: str) -> None:
    script = Path("pipelines/report/assets/timelines.js").read_text()
    counts = f"[{{ value: '{first}', count: 1 }}, {{ value: '{last}', count: 2 }}]"
    with browser.page("about:blank") as page:
        bins = page.evaluate(f"(() => {{ {script} return timelineBins({{ unit: '{unit}', counts: {counts} }}) }})()")
    assert " ".join(bins["from"]).startswith(expected)
    assert bins["indices"] == [0, len(bins["names"]) - 1]
    assert len(bins["names"]) <= 100
