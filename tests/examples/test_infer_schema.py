"""The transforms in a pipeline of one's own give the schema that the job publishes (RULES G1 to G3, T1, T3, T5, R1)."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
URL = "https://example.org/a.jpg"
ITEMS: list[dict[str, object]] = [
    {"reference_id": "a", "image_url": URL, "metadata": {"weather": "rain", "speed": 3, "lat": 52.5, "lon": 13.3}},
    {"reference_id": "b", "image_url": URL, "metadata": {"weather": None, "speed": 2.5, "wipers": True, "tags": ["x"]}},
    {"reference_id": "c", "image_url": URL, "metadata": {"city": None}},
]
SCENES = [{"reference_id": "s", "metadata": {"night": False}, "frames": [{"reference_id": "f", "url": URL}]}]
MASK: dict[str, object] = {
    "reference_id": "a",
    "type": "mask",
    "mask_url": URL,
    "annotations": [{"index": 1, "metadata": {"area": 4}}],
}
LINE = re.compile(r"(\w+)\.(.+): (\w+) \((\d+) present, (\d+) null, (\d+) missing\)")


def write(path: Path, records: Sequence[Mapping[str, object]], *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in [*map(json.dumps, records), *lines]), "utf-8")
    return path


def example(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples" / "infer_schema.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def printed(text: str) -> dict[tuple[str, str], tuple[str, int, int, int]]:
    """(group, field) to (type, present, null, missing)."""
    found = [match.groups() for match in map(LINE.fullmatch, text.splitlines()) if match]
    return {(group, key): (of, int(one), int(two), int(three)) for group, key, of, one, two, three in found}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    write(folder / "items.ndjson", ITEMS, "not JSON")
    write(folder / "scenes.ndjson", SCENES)
    write(folder / "marks.ndjson", [MASK])
    return folder


def test_schema_is_that_of_the_job(exports: Path) -> None:
    ended = example("items=./items.*", "scenes=scenes.ndjson", "annotations=marks.ndjson", folder=exports)
    assert ended.returncode == 0, ended.stderr
    flags = ["--items", "items.ndjson", "--scenes", "scenes.ndjson", "--annotations", "marks.ndjson"]
    job = [sys.executable, "-m", "pipelines.cli", "ingest", "--dataset", "dataset", *flags, "--quiet"]
    subprocess.run(job, check=True, cwd=exports)
    groups = json.loads((exports / "dataset/versions/000001/schema.json").read_text("utf-8"))["groups"]
    published = {
        (group, key): (field["type"], field["present"], field["null"], field["missing"])
        for group, described in groups.items()
        for key, field in described["fields"].items()
    }
    assert printed(ended.stdout) == published
    assert {of for of, *_ in published.values()} == {"numerical", "categorical", "geographic", "other", "empty"}
    assert "items: 1 rejected" in ended.stdout.splitlines()


def test_conflict_is_shown_as_one_and_nothing_is_written(tmp_path: Path) -> None:
    write(tmp_path / "items.ndjson", [{**ITEMS[0], "metadata": {"speed": value}} for value in (1, "fast")])
    ended = example("items=items.ndjson", folder=tmp_path)
    assert printed(ended.stdout) == {("items", "speed"): ("conflict", 2, 0, 0)}
    assert [path.name for path in tmp_path.iterdir()] == ["items.ndjson"]


@pytest.mark.parametrize("given", ["frames=items.ndjson", "items.ndjson", "items=nothing.ndjson"])
def test_argument_that_names_no_export_is_refused(given: str, tmp_path: Path) -> None:
    ended = example(given, folder=tmp_path)
    assert ended.returncode == 2
    assert repr(given) in ended.stderr.splitlines()[-1]
