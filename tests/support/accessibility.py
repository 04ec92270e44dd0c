"""Checks a page in the browser with axe-core, which is vendored for tests alone."""

import json
from functools import cache
from pathlib import Path

from support.browser import Page

_AXE = Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js"
CONTRAST = ("color-contrast",)
"""Of the rules the one that a theme can break."""
_RUN = """
axe.run(document, OPTIONS).then(({ violations }) => violations.flatMap(({ id, help, nodes }) =>
  nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`)))
"""


@cache
def _script() -> str:
    return _AXE.read_text("utf-8")


def violations(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """What a page has against it: rule, explanation and element of each; by some rules or by all of them."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"{_script()};0")
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    return list(page.evaluate(_RUN.replace("OPTIONS", json.dumps(options))))
