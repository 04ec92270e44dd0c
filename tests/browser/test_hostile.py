"""Names and values that would like to be markup, scripts, or the end of everything: they are shown, and do nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.browser import Browser
from support.hostile import NAMES
from support.insights import document, fields_of, text_of
from support.runs import an_item, ingest, ndjson

from pipelines.dataset.versions import Dataset
from pipelines.report import examples

pytestmark = pytest.mark.usefixtures("without_beam")  # pages are looked at, not who does the job


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    root = folder / '<script>hit=1<%2Fscript>"&amp;'
    items = []
    for at, name in enumerate(NAMES):
        # Each as the name of a field, as a category, and in an object; the long one as a value too.
        items.append(an_item(f"i{at}", {name: "x", "as category": name, "as other": {name[:50]: name}}))
    texts = [an_item(f"t{at}", {"as text": f"{NAMES[at % len(NAMES)]}{at}"}) for at in range(260)]
    bad: list[Any] = [{"reference_id": "bad", "image_url": f"no url {name[:40]}"} for name in NAMES[:4]]
    declared = folder / "declared.json"
    declared.write_text(
        json.dumps({"items": {"declared": {"type": "category", "choices": list(NAMES[:3]), "description": NAMES[0]}}})
    )
    out = folder / "page.html"
    file = ndjson(folder / "items.ndjson", [*items, *texts, *bad])
    ended = ingest(root, "--items", f"{file}", "--declare", f"{declared}", "--report", f"{out}")
    assert ended.exit_code == 0, ended.document
    return out


def visible(name: str) -> str:
    """A name as the page shows it."""
    if not name:
        return "(empty)"
    shown = name[:200]
    return shown if len(name) <= 200 else f"{shown}… ({len(name):,} characters)"


def test_hostile_data_is_shown_and_does_nothing(browser: Browser, page: Path) -> None:
    with browser.page(page.as_uri()) as opened:
        opened.wait_for("document.documentElement.dataset.ready")
        opened.click("#open-all")
        opened.evaluate("dispatchEvent(new Event('beforeprint'))")
        opened.settle()
        buttons = ".below button:not([hidden]), .opening summary"
        opened.evaluate(f"document.querySelectorAll({buttons!r}).forEach((e) => e.click())")
        over = "(e) => e.dispatchEvent(new MouseEvent('mouseover'))"
        opened.evaluate(f"document.querySelectorAll('.field *').forEach({over})")
        opened.settle()
        assert opened.evaluate("[window.hit, document.images.length, document.scripts.length]") == [None, 0, 6]
        assert opened.evaluate("Object.prototype.x === undefined && ({}).polluted === undefined")
        assert (opened.complaints, opened.requests) == ([], [page.as_uri()])
        names = opened.evaluate("[...document.querySelectorAll('#items .name')].map((e) => e.textContent)")
        assert {visible(name) for name in NAMES if name.isprintable() and name != " "} <= set(names)
        assert "space" in names
        assert any("U+202Eright to leftU+202C" in name for name in names)
        assert any("\\nfeed\\rreturn\\ttab" in name for name in names)
        assert any(name.startswith("U+0000U+0001U+001B[31mU+007FU+0085") for name in names)


def test_addresses_lead_to_fields_of_any_name(browser: Browser, page: Path) -> None:
    fields = [text_of(field["name"]) for field in document(page)["groups"][0]["fields"]]
    with browser.page(page.as_uri()) as opened:
        opened.wait_for("document.documentElement.dataset.ready")
        for at, name in enumerate(fields):
            opened.evaluate(f"location.hash = 'items/' + encodeURIComponent({json.dumps(name)})")
            opened.wait_for(f"document.querySelectorAll('#items .field')[{at}].open")
        opened.evaluate("location.hash = 'items/%E0%A4%A'")
        opened.settle()
        assert opened.complaints == []


def test_the_file_has_no_markup_of_the_data(page: Path) -> None:
    text = page.read_text("utf-8")
    before, _, rest = text.partition('<script type="application/json" id="document">')
    data, _, _ = rest.partition("</script>")
    assert "<" not in data
    assert "onerror" not in before
    assert "<title>&lt;script&gt;" in before


def test_long_strings_are_cut(page: Path) -> None:
    assert page.stat().st_size < 1_500_000
    fields = fields_of(document(page), "items")
    assert ["n" * 200, 1_000_000] in fields["as category"]["categories"]["values"]
    assert ["n" * 200, 1_000_000] in [field["name"] for field in document(page)["groups"][0]["fields"]]


def test_examples_are_looked_for_in_the_first_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [an_item(f"i{at:03d}", {"j": [at]} | ({"late": ["x"]} if at > 50 else {})) for at in range(100)]
    file = ndjson(tmp_path / "items.ndjson", rows)
    assert ingest(tmp_path / "d", "--items", f"{file}", "--partitions", "1").exit_code == 0
    version = Dataset.at(f"{tmp_path / 'd'}").published()
    fields = version.schema()["groups"]["items"]["fields"]
    assert examples.examples(version, "items", fields) == {"j": [f"[{at}]" for at in range(5)], "late": ['["x"]']}
    monkeypatch.setattr(examples, "_ROWS", 3)
    assert examples.examples(version, "items", fields) == {"j": ["[0]", "[1]", "[2]"]}
    monkeypatch.setattr(examples, "_BYTES", 0)
    assert examples.examples(version, "items", fields) == {}


def test_rejections_are_looked_for_in_the_first_bytes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"message": "m", "field": None, "export": "e", "line": 1, "offset": 0, "group": "items"}
    whole |= {"reference_id": None, "raw": "x" * 100, "encoding": "utf-8"}
    lines = [json.dumps(whole | {"code": code}) for code in ("missing_url", "duplicate_id", "missing_url")]
    parts = [("part.ndjson", "".join(f"{line}\n" for line in lines).encode())] * 2
    assert sorted(examples.first_rejections(parts)) == [("items", "duplicate_id"), ("items", "missing_url")]
    monkeypatch.setattr(examples, "_REJECTED_BYTES", len(lines[0]) + 5)
    assert sorted(examples.first_rejections(parts)) == [("items", "missing_url")]
