"""The tests of pages would see it: complaints, exceptions, requests, dialogs; and a browser that is not there."""

from pathlib import Path

import pytest
from support.browser import Browser
from support.chromium import MissingBrowserError, executable

LOUD = """<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="img-src 'none'">
<img src="https://example.org/a.png"><script>
console.error("said"); alert("asked"); fetch("http://127.0.0.1:9/x").catch(() => {}); throw new Error("thrown");
</script>"""


def test_what_a_page_says_and_asks_for_is_seen(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "loud.html"
    file.write_text(LOUD)
    with browser.page(file.as_uri()) as page:
        page.settle()
        said = "\n".join(page.complaints)
        assert all(word in said for word in ("said", "dialog: asked", "thrown", "Content Security Policy"))
        assert "http://127.0.0.1:9/x" in page.requests


def test_a_browser_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("METADATA_ETL_BROWSER", str(tmp_path / "none"))
    with pytest.raises(MissingBrowserError, match="which is no file"):
        executable()


def test_without_a_browser_and_without_apt_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("METADATA_ETL_BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingBrowserError, match="not on the PATH"):
        executable()
