"""A dataset of two versions with a field of every type, and what its insights page shows: for `tests/browser`."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.in_process import ingest
from support.runs import Ended, an_item, ndjson

DATA = re.compile(r'<script type="application/json" id="document">(.*?)</script>', re.DOTALL)
BIG = 2**53 + 1
DECLARED = {
    "items": {
        "sky": {"type": "category", "choices": ["clear", "cloudy", "fog"], "description": "What is above: <b>x</b>?"},
        "planned": "number",
    }
}


def metadata(number: int) -> dict[str, Any]:
    """The metadata of an item: numbers, categories, text, a place, lists; one field is often missing."""
    found: dict[str, Any] = {
        "speed": number * 0.37 - 20,
        "count": number % 7,
        "big": BIG + number,
        "same": 4,
        "sky": ("clear", "cloudy")[number % 3 == 0],
        "plate": f"plate {number % 40:02d}",
        "note": f"note number {number} \u202e and more",
        "lat": 47 + number % 50 / 10,
        "lon": 8 + number % 31 / 10,
        "boxes": [number, {"a": number}],
        "camera_params": {"fx": number},
        "night": number % 2 == 0,
        "void": None,
    }
    if number % 5 == 0:
        found["dotted.key"] = "x"
    return found


def dataset(folder: Path) -> Ended:
    """Publishes a first version, and a second one with more records, a new field and rejections."""
    declared = folder / "declared.json"
    declared.write_text(json.dumps(DECLARED))
    root = folder / "streets"
    first = ndjson(folder / "first.ndjson", (an_item(f"i{number}", metadata(number)) for number in range(300)))
    assert ingest(root, "--items", f"{first}", "--declare", f"{declared}").exit_code == 0
    more = [an_item(f"j{number}", metadata(number) | {"fresh": "new", "plate": "plate 99"}) for number in range(20)]
    faulty = [an_item("far", {"lat": 95, "lon": 8}), an_item("again", {}), an_item("again", {})]
    second = ndjson(folder / "second.ndjson", [*more, *faulty])
    ended = ingest(root, "--items", f"{second}")
    assert (ended.exit_code, ended.document["version"]) == (0, 2)
    return ended


def document(page: Path) -> dict[str, Any]:
    """The document that a page shows."""
    found = DATA.search(page.read_text("utf-8"))
    assert found is not None
    return dict(json.loads(found[1]))


def text_of(value: Any) -> str:
    """A string of the document, a cut one as far as it goes."""
    return str(value if isinstance(value, str) else value[0])


def fields_of(document: Mapping[str, Any], group: str) -> dict[str, dict[str, Any]]:
    """The fields of a group by name."""
    (found,) = [each for each in document["groups"] if each["name"] == group]
    return {text_of(field["name"]): field for field in found["fields"]}
