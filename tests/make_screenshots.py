"""Makes the pictures of the pages of docs/: the explorer and the insights page of the dataset that `make demo` makes.

    PYTHONPATH=tests python tests/make_screenshots.py DEMO_DIR OUT_DIR

`make screenshots` makes the demo first.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from support.browser import running
from support.chromium import executable
from support.explorer import exploring

QUERY = "metadata.weather = fog AND annotations.truck >= 1"
SIZE = (1400, 900)
DIALOG = "!location.search.includes('record=') || !!document.querySelector('dialog.record').dataset.shown"
RELATIVE = """
for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode(); )
  walker.currentNode.data = walker.currentNode.data.replaceAll(%s, "");
"""
"""Takes a folder out of all texts, so that a picture does not show where it was made."""
LOADED = "[...document.querySelectorAll('img')].every((each) => each.complete)"
REPORT = ("report.png", "#items/elevation", (1200, 1500))
"""File of the insights page, the field that is open on it, and its size."""
SHOTS = {
    "explorer.png": {"query": QUERY, "view": "grid"},
    "explorer-record.png": {
        "query": QUERY,
        "view": "grid",
        "record": json.dumps({"reference_id": "street/11"}),
        "at": "0",
    },
}
"""File to what the explorer shows on it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes each picture and prints its path."""
    parser = argparse.ArgumentParser(
        description="Make the pictures of the explorer and of the insights page for docs/."
    )
    parser.add_argument("demo", type=Path, help="the folder of the demo, with dataset and images")
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    images = options.demo.resolve() / "images"
    width, height = SIZE
    with (
        exploring(options.demo / "dataset", roots=(images,)) as explorer,
        running(executable()) as browser,
        browser.page(explorer.opened, width=width, height=height) as page,
    ):
        page.wait_for("document.documentElement.dataset.ready")
        for name, shown in SHOTS.items():
            page.go(f"{explorer.url}/?{urlencode(shown)}")
            page.wait_for("document.documentElement.dataset.ready")
            page.settle()
            page.wait_for(DIALOG)
            page.wait_for(LOADED)
            page.settle()
            page.evaluate(RELATIVE % json.dumps(f"{Path.cwd()}/"))
            (options.out / name).write_bytes(page.screenshot())
            print(options.out / name)  # noqa: T201 - the result of the program

        report, opened, (width, height) = REPORT
        page.resize(width, height)
        page.go(f"{(options.demo / 'report.html').resolve().as_uri()}{opened}")
        page.wait_for("document.documentElement.dataset.ready")
        page.settle()
        page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        page.settle()
        (options.out / report).write_bytes(page.screenshot())
        print(options.out / report)  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
