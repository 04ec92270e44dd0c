"""The libraries inside the page are those that the note says, whole, and cannot end the element that they stand in."""

import hashlib
import re
from pathlib import Path

import pytest

from pipelines.report.page import LIBRARIES, LICENCES, SCRIPTS

REPORT = Path(__file__).resolve().parents[3] / "pipelines" / "report"
VENDOR = REPORT / "vendor"
NOTE = re.compile(r"^\| `([^`]+)` \|[^|]+\|([^|]+)\| `([0-9a-f]{64})` \|$", re.MULTILINE)
LISTED = {name: (source, digest) for name, source, digest in NOTE.findall((VENDOR / "README.md").read_text("utf-8"))}


def test_every_file_of_a_library_is_listed() -> None:
    assert {path.name for path in VENDOR.iterdir()} == {*LISTED, "README.md"}


@pytest.mark.parametrize("name", LISTED)
def test_a_library_is_the_one_that_the_note_says(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == LISTED[name][1]


@pytest.mark.parametrize(("name", "start"), [("d3.min.js", "// https://d3js.org v"), ("plot.umd.min.js", "plot v")])
def test_a_library_has_the_version_that_the_note_says(name: str, start: str) -> None:
    version = re.search(r"[0-9]+\.[0-9]+\.[0-9]+", LISTED[name][0])
    assert version is not None
    assert f"{start}{version[0]} " in (VENDOR / name).read_text("utf-8").partition("\n")[0]


def test_no_script_or_style_can_end_the_element_that_it_stands_in() -> None:
    for path in [*(VENDOR / name for name in LIBRARIES), *(REPORT / "assets" / name for name in SCRIPTS)]:
        text = path.read_text("utf-8").lower()
        assert "</script" not in text, path
        assert "<!--" not in text, path
    assert "</style" not in (REPORT / "assets/style.css").read_text("utf-8").lower()


def test_every_script_is_in_the_page_and_every_licence() -> None:
    assert {path.name for path in (REPORT / "assets").glob("*.js")} == set(SCRIPTS)
    assert {path.name for path in VENDOR.glob("*.js")} == set(LIBRARIES)
    assert {path.name for path in VENDOR.glob("*.LICENSE")} == set(LICENCES)


def test_no_script_of_ours_makes_markup_of_text_or_asks_for_anything() -> None:
    forbidden = (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
        "fetch(",
        "XMLHttp",
    )
    for name in SCRIPTS:
        text = (REPORT / "assets" / name).read_text("utf-8")
        assert [word for word in forbidden if word in text] == [], name
