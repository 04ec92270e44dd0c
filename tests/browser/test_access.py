"""The page for who reads it otherwise: by ear, by key, on paper, on a small screen, in the dark, without scripts."""

from itertools import pairwise
from typing import Any

import pytest
from support.browser import Browser, Page


def test_who_does_not_see_it_can_read_it(page: Page) -> None:
    page.click("#open-all")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.settle()
    all_of = "[...document.querySelectorAll({what})].filter((e) => {fault}).map((e) => e.outerHTML.slice(0, 200))"
    faults = {
        "svg": "e.getAttribute('aria-hidden') !== 'true' && !(e.getAttribute('role') === 'img' && e.ariaLabel)"
        " && !e.closest('svg[role=img], svg[aria-hidden=true]')",
        "input, select": "!e.ariaLabel && !e.labels?.length",
        "button, a, summary": "!e.textContent.trim()",
        "table": "!e.caption?.textContent",
        "main section": "!e.querySelector('h2, h3') && !e.ariaLabel",
    }
    for what, fault in faults.items():
        assert page.evaluate(f"document.querySelectorAll({what!r}).length") > 0
        assert page.evaluate(all_of.format(what=repr(what), fault=fault)) == [], what
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((e) => Number(e.tagName[1]))")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate("['header', 'nav', 'main', 'footer'].every((e) => document.querySelector(`body > ${e}`))")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, url: str, dark: bool) -> None:
    colours = "['ink', 'muted', 'accent', 'alert'].map((e) => rgb(`var(--${e})`))"
    rgb = """const rgb = (value) => { const e = document.body.appendChild(document.createElement('i'));
      e.style.color = value;
      const found = getComputedStyle(e).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
      e.remove();
      return found; };"""
    with browser.page(url, dark=dark) as page:
        texts = page.evaluate(f"(() => {{ {rgb} return {colours} }})()")
        grounds = page.evaluate(f"(() => {{ {rgb} return ['paper', 'surface'].map((e) => rgb(`var(--${{e}})`)) }})()")
    assert min(contrast(text, ground) for text in texts for ground in grounds) >= 4.5


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast of two colours as WCAG 2 has it."""

    def luminance(colour: list[float]) -> float:
        parts = [each / 255 for each in colour]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_nothing_is_wider_than_the_window(browser: Browser, url: str, width: int) -> None:
    with browser.page(url, width=width) as page:
        page.click("#open-all")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_all_that_is_shown_is_drawn(browser: Browser, url: str) -> None:
    first = "document.querySelector('#items .field')"
    with browser.page(url, height=300) as page:
        page.evaluate(f"{first}.open = true")
        drawn = "document.querySelectorAll('#items .field[data-drawn]').length"
        count = page.evaluate("document.querySelectorAll('#items .field').length")
        assert page.evaluate(drawn) < count
        assert page.pdf().startswith(b"%PDF")
        assert page.evaluate(drawn) == count
        assert page.evaluate(f"{first}.dataset.drawn") == "body"
        assert page.evaluate("document.querySelectorAll('.lazy-map svg').length") >= 1
        page.media("light", "print")
        assert page.evaluate("getComputedStyle(document.querySelector('.toolbar')).display") == "none"


def test_without_scripts_the_page_says_where_the_numbers_are(browser: Browser, url: str) -> None:
    with browser.page("about:blank") as page:
        page.call("Emulation.setScriptExecutionDisabled", value=True)
        page._loaded = False
        page.call("Page.navigate", url=url)
        while not page._loaded:
            page.call("Page.getLayoutMetrics")
        root: dict[str, Any] = page.call("DOM.getDocument")["root"]
        notice = page.call("DOM.querySelector", nodeId=root["nodeId"], selector="noscript .notice")["nodeId"]
        assert "insights.json" in page.call("DOM.getOuterHTML", nodeId=notice)["outerHTML"]
