"""The page in a real browser: numbers, charts, search, order, colours, keyboard, paper; and nothing leaves it."""

import json
import math
from pathlib import Path

import pytest
from support.accessibility import CONTRAST, violations
from support.browser import Browser, Page
from support.runs import Ended, an_item, ingest, ndjson

pytestmark = pytest.mark.usefixtures("without_beam")  # pages are looked at, not who does the job

ROW = "[...document.querySelectorAll('#{group} .field')].find((e) => e.querySelector('.name').textContent === {name})"
NUMBERS = "(e) => e && [...e.querySelectorAll('{selector}')].map((each) => each.value)"
STATISTICS = {"Minimum": "minimum", "Maximum": "maximum", "Mean": "mean", "Std. deviation": "stddev"}
QUANTILES = {
    "1\N{NO-BREAK SPACE}%": 0.01,
    "5\N{NO-BREAK SPACE}%": 0.05,
    "25\N{NO-BREAK SPACE}%": 0.25,
    "Median": 0.5,
    "75\N{NO-BREAK SPACE}%": 0.75,
    "95\N{NO-BREAK SPACE}%": 0.95,
    "99\N{NO-BREAK SPACE}%": 0.99,
}


def row(group: str, name: str) -> str:
    return ROW.format(group=group, name=json.dumps(name))


def open_row(page: Page, group: str, name: str) -> str:
    """Opens a field and waits until it is drawn; returns an expression for it."""
    found = row(group, name)
    page.evaluate(f"(() => {{ const e = {found}; e.open = true; e.scrollIntoView(); }})()")
    page.wait_for(f"{found}.dataset.drawn === 'body'")
    return found


def names(page: Page, group: str = "items") -> list[str]:
    """The fields that are shown, in their order."""
    shown = f"[...document.querySelectorAll('#{group} .fields > li:not([hidden]) .name')].map((e) => e.textContent)"
    return list(page.evaluate(shown))


def facts(page: Page, place: str) -> dict[str, str]:
    """Name to exact value in the list of numbers of an element."""
    pair = "(e) => [e.firstChild.textContent, e.querySelector('data')?.value]"
    return dict(page.evaluate(f"[...{place}.querySelectorAll('.numbers > div')].map({pair})"))


def shown_as(text: str) -> float:
    """The number that a person reads."""
    return float(text.replace(",", "").replace("\u2212", "-"))


def choose(page: Page, name: str, value: str) -> None:
    """Chooses from a list."""
    chosen = f"(() => {{ const e = document.getElementById('{name}'); e.value = '{value}'; return e; }})()"
    page.evaluate(f"{chosen}.dispatchEvent(new Event('change'))")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent"))


def test_nothing_is_complained_of_and_nothing_is_asked_for(browser: Browser, url: str) -> None:
    with browser.page(url) as page:
        page.wait_for("document.documentElement.dataset.ready")
        page.click("#open-all")
        for at in range(12):
            page.evaluate(f"scrollTo(0, {at} * document.body.scrollHeight / 12)")
            page.settle()
        page.click("#items .opening summary")
        assert page.evaluate("document.querySelectorAll('svg.chart').length") > 4
        assert (page.complaints, page.requests) == ([], [url])


def test_the_first_screen_shows_the_fields(browser: Browser, url: str) -> None:
    with browser.page(url, width=1400, height=900) as page:
        page.wait_for("document.documentElement.dataset.ready")
        tops = page.evaluate(
            "[...document.querySelectorAll('.fields > li')].map((e) => e.getBoundingClientRect().bottom)"
        )
        assert sum(bottom < 900 for bottom in tops) >= 6
        values = "[...e.querySelectorAll('data')].map((each) => each.value)"
        counts = f"[...document.querySelectorAll('.job tbody tr')].map((e) => {values})"
        columns = list(zip(*page.evaluate(counts), strict=True))
        assert all(set(column) != {"0"} for column in columns)  # no table of zeros


def test_no_state_of_the_page_breaks_a_rule_of_accessibility(page: Page) -> None:
    page.click("#open-all")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # which draws what is not in view
    page.settle()
    assert page.evaluate("document.querySelectorAll('svg.chart').length") > 4
    assert violations(page) == []
    page.media("dark")
    page.resize(390, 844)
    page.settle()
    assert violations(page, CONTRAST) == []


def test_the_policy_stops_scripts_and_requests(page: Page) -> None:
    tried = """(async () => {
      const script = document.createElement("script");
      script.append("window.ran = true");
      document.body.append(script);
      document.body.setAttribute("onclick", "window.ran = true");
      document.body.click();
      const refused = await fetch("https://example.org/").then(() => false, () => true);
      return [refused, window.ran === undefined];
    })()"""
    with pytest.raises(AssertionError, match="TrustedScript"):
        page.evaluate(tried)  # not even the text of a script can be set
    assert page.evaluate("fetch('https://example.org/').then(() => false, () => true)")
    assert any("Content Security Policy" in each for each in page.complaints)


def test_numbers_of_fields_are_those_of_the_files(page: Page, ended: Ended) -> None:
    insights = json.loads((ended.folder / "insights.json").read_text())["groups"]["items"]["fields"]
    schema = ended.schema["items"]
    assert names(page) == list(schema["fields"])
    for key, field in schema["fields"].items():
        place = open_row(page, "items", key)
        present = page.evaluate(f"({NUMBERS.format(selector='.tight data')})({place})")
        assert [int(each) for each in present] == [field["present"], field["null"], field["missing"]]
        if field["minimum"] is None:
            continue
        said = facts(page, place)
        for title, name in STATISTICS.items():
            assert type(field[name])(said[title]) == field[name], (key, name)
        histogram = insights[key]["histogram"]
        assert {title: float(said[title]) for title in QUANTILES if title in said} == {
            title: float(histogram["quantiles"][str(at)]) for title, at in QUANTILES.items()
        }
        page.evaluate(f"{place}.querySelector('.opening').open = true")
        page.settle()
        bins = page.evaluate(f"({NUMBERS.format(selector='.opening data')})({place})")
        edges = histogram["edges"]
        assert [float(each) for each in bins[0::3]] == [float(edge) for edge in edges[:-1]]
        assert [float(each) for each in bins[1::3]] == [float(edge) for edge in edges[1:]]
        assert [int(each) for each in bins[2::3]] == histogram["counts"]


def test_a_number_reads_as_it_is_to_six_digits(page: Page, ended: Ended) -> None:
    place = open_row(page, "items", "speed")
    pairs = page.evaluate(f"[...{place}.querySelectorAll('.numbers data')].map((e) => [e.value, e.textContent])")
    assert all(math.isclose(float(exact), shown_as(text), rel_tol=1e-5) for exact, text in pairs)
    assert ended.schema["items"]["fields"]["big"]["minimum"] == 2**53 + 1
    big = open_row(page, "items", "big")
    assert page.evaluate(f"{big}.querySelector('.numbers data').textContent") == f"{2**53 + 1:,}"


def test_all_categories_can_be_reached_and_filtered(page: Page, ended: Ended) -> None:
    place = open_row(page, "items", "plate")
    pair = "(e) => [e.cells[0].textContent, e.querySelector('data').value]"
    listed = f"[...{place}.querySelectorAll('.bars tbody tr')].map({pair})"
    categories = [
        [each["value"], str(each["count"])] for each in ended.schema["items"]["fields"]["plate"]["categories"]
    ]
    assert page.evaluate(listed) == categories[:10]
    page.evaluate(f"{place}.querySelector('.below button').click()")
    assert page.evaluate(listed) == categories
    page.evaluate(f"{place}.querySelector('.filter').focus()")
    page.type("PLATE 1")
    assert page.evaluate(listed) == [each for each in categories if each[0].startswith("plate 1")]
    assert "10 of 10 shown" in page.evaluate(f"{place}.querySelector('.status').textContent")


def test_fields_are_found_by_name_or_description_and_by_type(page: Page) -> None:
    page.press("/")
    assert focused(page) == "search"
    page.type("DOTTED")
    assert names(page) == ["dotted.key"]
    page.press("Escape")
    page.type("what is above")
    assert names(page) == ["sky"]
    page.press("Escape")
    choose(page, "type", "text")
    assert names(page) == ["note"]
    assert "1 of " in page.evaluate("document.querySelector('.tools .status').textContent")


def test_fields_are_ordered_by_name_by_what_is_missing_and_by_type(page: Page, ended: Ended) -> None:
    fields = ended.schema["items"]["fields"]
    orders = {
        "missing": lambda key: (-(fields[key]["null"] + fields[key]["missing"]), key),
        "type": lambda key: (fields[key]["type"], key),
        "name": lambda key: key,
    }
    for name, order in orders.items():
        choose(page, "sort", name)
        assert names(page) == sorted(fields, key=order)


def test_the_keyboard_opens_a_field(page: Page) -> None:
    page.evaluate("document.querySelector('#items .field summary').focus()")
    page.press("Enter")
    assert page.evaluate("document.querySelector('#items .field').open")
    page.press("Tab")
    page.press("Tab")
    assert page.evaluate("document.activeElement.closest('#items') !== null")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_an_address_opens_a_field(browser: Browser, url: str) -> None:
    with browser.page(f"{url}#items/dotted.key") as page:
        page.wait_for(f"{row('items', 'dotted.key')}.dataset.drawn === 'body'")
        assert "dotted.key" in focused(page)
        page.evaluate("document.querySelector('#items .panel a').click()")
        page.settle()
        assert page.evaluate("document.querySelectorAll('#items .field[open]').length") == 2


def test_colours_follow_the_system_until_one_is_chosen(browser: Browser, url: str) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with browser.page(url) as page:
        light = page.evaluate(paper)
        page.media("dark")
        dark = page.evaluate(paper)
        assert light != dark
        page.evaluate("document.getElementById('theme-light').click()")
        assert page.evaluate(paper) == light
        page.media("light")
        page.evaluate("document.getElementById('theme-dark').click()")
        assert page.evaluate(paper) == dark
        page.go(url)
        assert page.evaluate(paper) == dark  # remembered
        page.media("light", "print")
        assert page.evaluate(paper) == "rgb(255, 255, 255)"


def test_a_failed_run_says_so_first(browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "failed.html"
    mixed = ndjson(tmp_path / "mixed.ndjson", [an_item("a", {"n": 1}), an_item("b", {"n": "x"})])
    assert ingest(tmp_path / "d", "--items", f"{mixed}", "--report", f"{out}").exit_code == 3
    with browser.page(out.as_uri()) as page:
        assert "This run published nothing: type conflicts in 1 field" in page.evaluate(
            "document.querySelector('[role=alert]').textContent"
        )
        assert "1 number, 1 string" in page.evaluate("document.querySelector('.panel.alert').textContent")
        assert page.complaints == []
