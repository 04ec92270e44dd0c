"""Renders the page: one HTML file with style, scripts and libraries inside, and a policy that forbids the rest."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pipelines.json_output import JsonOutput

LIBRARIES = ("d3.min.js", "topojson-client.min.js", "plot.umd.min.js")
"""Files in `vendor/`, in the order of their dependencies."""
LICENCES = ("d3.LICENSE", "topojson-client.LICENSE", "plot.LICENSE", "world-atlas.LICENSE")
SCRIPTS = (
    "texts.js",
    "charts.js",
    "timelines.js",
    "map.js",
    "annotations.js",
    "panels.js",
    "details.js",
    "rows.js",
    "app.js",
)
"""Files in `assets/`, joined to one script."""
LAND = "land-110m.json"
_CHART_STYLE = "chart_style.css"
"""The style that Observable Plot puts into each chart, byte for byte: the policy allows it by its digest."""
_MARKUP = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(document: JsonOutput) -> bytes:
    """The HTML file for a document of `page_data`; the same document gives the same bytes."""
    style = asset("style.css")
    scripts = [*(vendored(name) for name in LIBRARIES), _application()]
    groups = document["groups"]
    located = isinstance(groups, list) and any(isinstance(each, dict) and each["locations"] for each in groups)
    title = document["dataset"]
    shown = {
        "policy": html.escape(policy(scripts, (style, asset(_CHART_STYLE)))),
        "title": html.escape(title if isinstance(title, str) else "dataset"),
        "style": style,
        "licences": html.escape("\n\n".join(f"{name.partition('.')[0]}\n\n{vendored(name)}" for name in LICENCES)),
        "document": json_text(document),
        "land": json_text(json.loads(vendored(LAND))) if located else "null",
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    return _filled(asset("page.html"), shown).encode()


def policy(scripts: list[str], styles: tuple[str, ...]) -> str:
    """The Content-Security-Policy of a page: these scripts and styles, and no request to anywhere.

    Scripts cannot turn text into markup either (trusted types), in browsers that support it.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_source, scripts))}",
            f"style-src {' '.join(map(_source, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def json_text(value: object) -> str:
    r"""JSON that can stand within a script element: nothing in it ends the element or begins a comment.

    >>> print(json_text("</script>"))
    "\u003c/script\u003e"
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_MARKUP)


@cache
def asset(name: str) -> str:
    """The text of a file in `assets/`."""
    return files(__package__).joinpath("assets", name).read_text("utf-8")


@cache
def vendored(name: str) -> str:
    """The text of a file in `vendor/`."""
    return files(__package__).joinpath("vendor", name).read_text("utf-8")


@cache
def _application() -> str:
    parts = "\n".join(asset(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _filled(template: str, shown: Mapping[str, str]) -> str:
    """The template with its placeholders filled in one pass, so that filled-in text is never parsed."""
    return _PLACE.sub(lambda place: shown[place[1]], template)
