"""What the page shows of annotations and predictions: the counts of `insights.json`, in a real browser."""

import json
from pathlib import Path
from typing import Any

from support.browser import Browser, Page
from support.runs import Ended

from pipelines.cli.main import main

PANEL = "[...document.querySelectorAll('#{group} .panel')].find((e) => e.querySelector('h3').textContent === {title})"


def bars(page: Page, group: str, title: str) -> dict[str, int]:
    """Name to number of the rows of a panel, all of them."""
    panel = PANEL.format(group=group, title=json.dumps(title))
    page.evaluate(f"{panel}.querySelector('.below button:not([hidden])')?.click()")
    row = "(e) => [e.querySelector('th').textContent, Number(e.querySelector('data').value)]"
    return dict(page.evaluate(f"[...{panel}.querySelectorAll('tbody tr')].map({row})"))


def test_nothing_has_no_bar(browser: Browser, query_dataset: Ended, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert main(["report", f"{query_dataset.dataset}", "--out", f"{out}"]) == 0
    with browser.page(out.as_uri()) as page:
        page.wait_for("document.documentElement.dataset.ready")
        rows = "[...document.querySelectorAll('.bars tbody tr')]"
        pairs = f"{rows}.map((e) => [e.querySelector('data').value, e.querySelector('.bar').offsetWidth])"
        found = [(int(count), width) for count, width in page.evaluate(pairs)]
        assert {count == 0 for count, _ in found} == {True, False}
        assert all((count > 0) == (width > 0) for count, width in found)


def test_panels_show_what_was_counted(browser: Browser, query_dataset: Ended, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert main(["report", str(query_dataset.dataset), "--out", str(out)]) == 0
    insights: Any = json.loads((query_dataset.folder / "insights.json").read_text())["groups"]
    with browser.page(out.as_uri()) as page:
        page.wait_for("document.documentElement.dataset.ready")
        for group in ("annotations", "predictions"):
            counted = insights[group]["annotations"]
            titles = {"labels": "Labels", "types": "Types"}
            for member, title in titles.items():
                assert bars(page, group, title) == {each["value"]: each["count"] for each in counted[member]}
            for taxonomy, classes in counted["classes"].items():
                expected = {each["value"]: each["count"] for each in classes}
                assert bars(page, group, f"Classes of {taxonomy}") == expected
            per_record = bars(page, group, f"{group.capitalize()} per record")
            assert sum(per_record.values()) == sum(counted["per_record"]["counts"])
            assert per_record["0"] == counted["per_record"]["counts"][0]
            assert sum(bars(page, group, "Box sizes").values()) == sum(counted["sizes"]["counts"])
        runs = insights["predictions"]["annotations"]["runs"]
        assert bars(page, "predictions", "Model runs") == {each["value"]: each["count"] for each in runs}
        for run in runs:
            panel = PANEL.format(group="predictions", title=json.dumps(f"Confidence of {run['value']}"))
            assert page.evaluate(f"{panel}.querySelectorAll('svg.chart rect').length") >= 1
        titles_of_items = "[...document.querySelectorAll('#items .panel h3')].map((e) => e.textContent)"
        assert page.evaluate(titles_of_items) == ["Fields by type", "Most often missing", "Locations"]
        assert page.complaints == []
