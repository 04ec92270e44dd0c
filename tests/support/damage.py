"""A small dataset with files of every kind, ways to damage one, and what the commands say of it then (P7)."""

import random
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

from support.in_process import ingest, stages_alone
from support.runs import PRIVATE, an_item, digests, ndjson

from pipelines.cli.main import main

KINDS: Mapping[str, str] = {
    "marker": f"{PRIVATE}/dataset.json",
    "CURRENT": "CURRENT",
    "record": f"{PRIVATE}/manifests/{{version}}.json",
    "manifest": "versions/{version}/manifest.json",
    "schema": "versions/{version}/schema.json",
    "insights": "versions/{version}/insights.json",
    "rows": "versions/{version}/items/*",
    "rows of annotations": "versions/{version}/annotations/*",
    "cache keys": "versions/{version}/cache_keys/*",
    "uploads": "versions/{version}/uploads/*",
    "rejections": "versions/{version}/rejections/*",
    "state": "versions/{version}/state/items/*",
    "state of annotations": "versions/{version}/state/annotations/*",
    "base": "versions/{version}/state/base/items/*",
    "summaries": "versions/{version}/state/summaries/*",
    "counts": "versions/{version}/state/insights/*",
    "uses": "versions/{version}/state/cache_keys/*",
}
"""Kinds of files of a dataset to where they are."""
VERSION = "000003"
"""The current one of the dataset."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command ended with, and what it printed."""

    code: int
    out: bytes
    err: str


def dataset(folder: Path) -> Path:
    """Three versions in two partitions: text, categories, numbers, locations, rejections, a file over a base."""
    items = [
        an_item(
            f"i{n}", {"speed": n, "sky": "sun" if n % 3 else "rain", "note": f"n {n}", "lat": n / 10, "lon": -n / 3}
        )
        for n in range(300)
    ]
    annotations = [{"reference_id": f"i{n}", "type": "category", "label": f"l{n % 3}"} for n in range(80)]
    first = (
        *("--items", str(ndjson(folder / "items.ndjson", items))),
        *("--annotations", str(ndjson(folder / "marks.ndjson", annotations))),
    )
    assert ingest(folder / "d", *first, "--partitions", "2").exit_code == 0
    for number in (2, 3):
        moved = {"image_url": f"https://example.org/i7-{number}.jpg"}  # so that the version has an upload
        items = [an_item("i7", {"speed": 700 + number, "sky": "sun"}) | moved, {"no": "id"}]
        path = ndjson(folder / f"{number}.ndjson", items)
        assert ingest(folder / "d", "--items", str(path), "--mode", "replace").document["version"] == number
    changes = {
        "append": [an_item("new", {"speed": 1, "sky": "sun"})],
        "replace": [an_item("i9", {"speed": 9.5, "sky": "rain"})],
        "merge": [{"reference_id": "i9", "metadata": {"note": "merged", "more": [1]}}],
        "same": [an_item("i7", {"speed": 703, "sky": "sun"}) | {"image_url": "https://example.org/i7-3.jpg"}],
    }
    for mode, records in changes.items():
        ndjson(folder / f"{mode}.ndjson", records)
    for pattern in KINDS.values():
        assert list((folder / "d").glob(pattern.format(version=VERSION))), pattern
    return folder / "d"


def reading(folder: Path) -> dict[str, list[str]]:
    """Commands that only read the dataset `d` in a folder."""
    d = f"{folder / 'd'}"
    return {
        "schema": ["schema", d, "--format", "json"],
        "table": ["schema", d],
        "count": ["query", d, "metadata.speed > 20 AND metadata.sky = sun", "--count"],
        "ids": ["query", d, "annotations.l1 > 0", "--format", "ids"],
        "ndjson": ["query", d, 'metadata.note = "n 5"', "--format", "ndjson"],
        "csv": ["query", d, "type = category", "--group", "annotations", "--format", "csv", "--limit", "3"],
        "suggest": ["suggest", d, "sk"],
        "labels": ["suggest", d, "annotations.l"],
        "show": ["show", d],
        "versions": ["versions", d],
        "rejections": ["rejections", d],
        "raw": ["rejections", d, "--raw"],
        "report": ["report", d, "--out", f"{folder / 'page.html'}"],
        "verify": ["verify", d],
    }


def writing(folder: Path) -> dict[str, list[str]]:
    """Commands that publish a version of the dataset `d` in a folder."""
    d = f"{folder / 'd'}"
    jobs = {
        name: ["ingest", "--dataset", d, "--quiet", "--items", f"{folder / name}.ndjson", "--mode", mode]
        for name, mode in (("append", "append"), ("replace", "replace"), ("merge", "merge"), ("same", "replace"))
    }
    return {**jobs, "rollback": ["rollback", d, "2"]}


def said(arguments: list[str]) -> Said:
    """Runs a command in this process, a job without Beam."""
    out, err = TextIOWrapper(BytesIO(), "utf-8", write_through=True), StringIO()
    with stages_alone(), redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    out.flush()
    return Said(code, out.buffer.getvalue(), err.getvalue())  # type: ignore[attr-defined]


def answer(command: str, folder: Path, found: Said) -> object:
    """What a command that ended well gave: what it printed, or the page or the version that it wrote."""
    if command == "report":
        return (folder / "page.html").read_bytes()
    if command in writing(folder):
        made = folder / "d" / "versions" / "000004"
        return (
            {path: digest for path, digest in digests(made).items() if path != "manifest.json"} if made.exists() else {}
        )
    return found.out


def check(command: str, folder: Path, path: Path, expected: object, found: Said) -> str:
    """How a command met a damaged file; an assertion fails where it should not have met it so.

    "same" is the answer of the sound dataset, "damaged" one line that names the file. "carried on" is a file that a job
    had no need to read.
    """
    seen = f"{command} {path.relative_to(folder)}: {found}"
    assert "Traceback" not in found.err, seen
    if found.code == 0:
        got = answer(command, folder, found)
        if command == "same" and isinstance(got, dict) and got:  # published what it rebuilt
            return "same"
        if command in writing(folder) and got != expected:
            # The job did not read the file, and the new version shares it: as damaged as it was, and still found.
            assert isinstance(got, dict), seen
            assert isinstance(expected, dict), seen
            inside = path.relative_to(folder / "d" / "versions" / VERSION).as_posix()
            assert {each for each in expected if got.get(each) != expected[each]} == {inside}, seen
            assert said(["verify", f"{folder / 'd'}"]).code == 7, seen
            return "carried on"
        assert got == expected, seen
        return "same"
    assert found.code == 7, seen
    lines = found.err.strip().split("\n")
    assert len(lines) == 1, seen
    text = found.err + found.out.decode()
    name = path.relative_to(folder / "d").as_posix()
    if KINDS["record"].format(version=VERSION) == name and name not in text:
        name = KINDS["manifest"].format(version=VERSION)
    assert re.sub(r"0+\d+", "", name) in re.sub(r"0+\d+", "", text), seen
    return "damaged"


def flipped(chance: random.Random) -> Callable[[bytes], bytes]:
    """One bit of a file, by chance."""

    def flip(data: bytes) -> bytes:
        place = chance.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]

    return flip


@contextmanager
def damaged(path: Path, damage: Callable[[bytes], bytes | None]) -> Iterator[None]:
    """A file that is damaged as long as the block lasts; gone where `damage` gives None."""
    data = path.read_bytes()
    new = damage(data)
    path.unlink()  # not in place: other versions have it too
    if new is not None:
        path.write_bytes(new)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(data)


def copied(folder: Path, to: Path) -> Path:
    """A copy of a folder made by `dataset`."""
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(folder, to)
    return to


def files_of(folder: Path, kind: str) -> list[Path]:
    """The files of a kind in the current version."""
    return sorted((folder / "d").glob(KINDS[kind].format(version=VERSION)))
