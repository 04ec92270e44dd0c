"""Charts of numbers and places at the edges of what there can be: all of them drawn, without a complaint."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.browser import Browser
from support.runs import an_item, ingest, ndjson

pytestmark = pytest.mark.usefixtures("without_beam")  # pages are looked at, not who does the job

LARGEST = 1.7976931348623157e308
NUMBERS: dict[str, list[float]] = {
    "widest": [-LARGEST, 0.0, LARGEST],
    "largest": [LARGEST, LARGEST],
    "smallest": [5e-324, 1.5e-323, 0.0],
    "one": [0],
    "minus": [-3.5, -3.5],
    "whole": [-(2**63), 2**63 - 1, 0],
    "neighbours": [2**53, 2**53 + 1, 2**53 + 2],
    "close": [0.1, 0.1 + 2e-17, 0.10000000000000002],
    "large": [1e300, 2e300],
}
PLACES: dict[str, list[tuple[float, float]]] = {
    "one": [(48.1, 11.5)],
    "line": [(48.1, 11.5), (48.1, 11.6)],
    "street": [(48.1, 11.5), (48.10001, 11.50002), (48.1002, 11.5)],
    "date line": [(-17, 179.9), (-17.5, -179.9), (-16, 180)],
    "pole": [(90, 0), (89.5, 90), (89, -140)],
    "close to the pole": [(89.9, 10), (89.95, 11)],
    "corners": [(-90, -180), (90, 180)],
    "half the world": [(-60, -70), (20, 70)],
}

MARKS = """(() => {
  const b = document.querySelector("#items-map svg").getBoundingClientRect();
  return [...document.querySelectorAll("#items-map svg title")].map(({ parentNode: mark }) => {
    const m = mark.getBoundingClientRect();
    const within = m.left >= b.left - 2 && m.right <= b.right + 2 && m.top >= b.top - 2 && m.bottom <= b.bottom + 2;
    return { seen: m.width + m.height > 0 && within, html: mark.outerHTML };
  });
})()"""
"""The cells of a map, and whether each is in the picture."""


def page_of(folder: Path, items: list[Any]) -> str:
    out = folder / "page.html"
    file = ndjson(folder / "items.ndjson", items)
    assert ingest(folder / "d", "--items", f"{file}", "--report", f"{out}").exit_code == 0
    return out.as_uri()


def test_histograms_of_extreme_numbers(browser: Browser, tmp_path: Path) -> None:
    columns = {name: [*values, *values[:1] * (3 - len(values))] for name, values in NUMBERS.items()}
    url = page_of(tmp_path, [an_item(f"i{at}", {name: of[at] for name, of in columns.items()}) for at in range(3)])
    with browser.page(url) as page:
        page.click("#open-all")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        tips = 0
        for name in NUMBERS:
            found = (
                f"[...document.querySelectorAll('.field')].find((e) => e.textContent.startsWith({json.dumps(name)}))"
            )
            bars = page.evaluate(f"[...{found}.querySelectorAll('[data-mark=rect] rect')].map((e) => e.outerHTML)")
            assert bars, name
            assert not any("NaN" in bar or "Infinity" in bar for bar in bars), (name, bars)
            assert "NaN" not in page.evaluate(f"{found}.innerHTML"), name
            # A pointer over the chart shows what a bar says.
            place = page.evaluate(
                f"(() => {{ const e = {found}.querySelector('svg.chart'); e.scrollIntoView({{block: 'center'}});"
                "const b = e.getBoundingClientRect(); return {x: b.x + b.width / 2, y: b.y + b.height / 2}; })()"
            )
            page.hover(**place)
            tip = page.evaluate(f"{found}.querySelector('[data-mark=tip], [aria-label=tip]').textContent")
            assert not tip or "record" in tip
            tips += bool(tip)
        assert tips > 4  # a gap may be in the middle of a chart
        assert page.complaints == []


@pytest.mark.parametrize("name", PLACES)
def test_maps_of_places_at_the_edges(browser: Browser, tmp_path: Path, name: str) -> None:
    items = [an_item(f"i{at}", {"lat": lat, "lon": lon}) for at, (lat, lon) in enumerate(PLACES[name])]
    url = page_of(tmp_path, items)
    insights = json.loads((tmp_path / "d/versions/000001/insights.json").read_text())
    cells = insights["groups"]["items"]["locations"]["cells"]
    with browser.page(url) as page:
        page.evaluate("document.getElementById('items-map').scrollIntoView()")
        page.wait_for("document.querySelector('#items-map svg')")
        marks = page.evaluate(MARKS)
        assert len(marks) == len(cells)
        assert [mark for mark in marks if not mark["seen"] or "NaN" in mark["html"]] == []
        assert page.complaints == []
