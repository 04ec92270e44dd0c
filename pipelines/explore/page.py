"""The files of the page: its own, those that it shares with the report, and the libraries that the report carries."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pipelines.explore.images import Mode
from pipelines.report.page import LAND, asset, vendored

_TYPES: Mapping[str, str] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_SHARED = ("texts.js", "charts.js", "timelines.js", "map.js", "style.css")
_VENDORED = ("d3.min.js", "topojson-client.min.js", LAND)
_OWN = (
    "explorer.css",
    "icon.svg",
    "api.js",
    "app.js",
    "bar.js",
    "chunks.js",
    "compared.js",
    "differences.js",
    "insights.js",
    "matching.js",
    "place.js",
    "query.js",
    "record.js",
    "records.js",
    "shapes.js",
    "state.js",
    "takeaway.js",
    "trees.js",
    "versions.js",
    "worldmap.js",
)


@cache
def file(name: str) -> tuple[bytes, str] | None:
    """The bytes and the type of a file of the page; None if it has none of that name."""
    if name in _SHARED:
        text = asset(name)
    elif name in _VENDORED:
        text = vendored(name)
    elif name in _OWN:
        text = own(name)
    else:
        return None
    return text.encode(), _TYPES[f".{name.rpartition('.')[2]}"]


@cache
def own(name: str) -> str:
    """The text of a file in `assets/`."""
    return files(__package__).joinpath("assets", name).read_text("utf-8")


def policy(images: Mode) -> str:
    """The Content-Security-Policy: scripts and styles of this server alone, images of the web if the browser may."""
    web = " http: https:" if images == "browser" else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            f"img-src 'self'{web}",
            f"media-src 'self'{web}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def document(value: object) -> bytes:
    """A JSON document with numbers of any size."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
