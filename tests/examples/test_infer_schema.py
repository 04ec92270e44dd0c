"""The transforms in a pipeline of one's own give the schema that the job publishes (RULES G1 to G3, T1, T3, T5, R1)."""

import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from support.in_process import ingest

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


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The script in this process; as a program of its own it is run by the tests of the pages."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    script = importlib.import_module("infer_schema")

    def run(*arguments: str, folder: Path) -> None:
        monkeypatch.chdir(folder)
        script.main(arguments)

    return run


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


def test_schema_is_that_of_the_job(
    example: Callable[..., None], exports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example("items=./items.*", "scenes=scenes.ndjson", "annotations=marks.ndjson", folder=exports)
    text = capsys.readouterr().out
    flags = ["--items", "items.ndjson", "--scenes", "scenes.ndjson", "--annotations", "marks.ndjson"]
    groups = ingest(tmp_path / "dataset", *flags).schema
    published = {
        (group, key): (field["type"], field["present"], field["null"], field["missing"])
        for group, described in groups.items()
        for key, field in described["fields"].items()
    }
    assert printed(text) == published
    assert {of for of, *_ in published.values()} == {"numerical", "categorical", "geographic", "other", "empty"}
    assert "items: 1 rejected" in text.splitlines()


def test_conflict_is_shown_as_one_and_nothing_is_written(
    example: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "items.ndjson", [{**ITEMS[0], "metadata": {"speed": value}} for value in (1, "fast")])
    example("items=items.ndjson", folder=tmp_path)
    assert printed(capsys.readouterr().out) == {("items", "speed"): ("conflict", 2, 0, 0)}
    assert [path.name for path in tmp_path.iterdir()] == ["items.ndjson"]


@pytest.mark.parametrize("given", ["frames=items.ndjson", "items.ndjson", "items=nothing.ndjson"])
def test_argument_that_names_no_export_is_refused(
    example: Callable[..., None], given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        example(given, folder=tmp_path)
    assert ended.value.code == 2
    assert repr(given) in capsys.readouterr().err.splitlines()[-1]
