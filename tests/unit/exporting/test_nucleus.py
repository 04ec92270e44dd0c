"""Records as the Nucleus client uploads them: an ingest of them makes the same version (FORMATS 1, RULES G)."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from support.in_process import export, ingest
from support.runs import GROUPS, Ended, an_item, ndjson


def again(out: Path, dataset: Path, *flags: str) -> Ended:
    """Ingests the files of an export into another dataset."""
    arguments = [word for group in GROUPS[:3] for word in (f"--{group}", f"{out / group}/part-*")]
    for folder in sorted((out / "predictions").iterdir()):
        arguments += ["--predictions", f"{unquote(folder.name)}={folder}/part-*"]
    return ingest(dataset, *arguments, *flags)


def rows(run: Ended, group: str) -> list[dict[str, Any]]:
    """The rows of a group but for where they were read."""
    return [{name: value for name, value in row.items() if name != "source"} for row in run.rows(group)]


def schema(run: Ended, group: str) -> dict[str, Any]:
    return dict(run.schema[group])


@pytest.fixture(scope="module")
def asked_again(asked: Ended, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """An ingest of what is exported of a dataset."""
    folder = tmp_path_factory.mktemp("nucleus")
    code, printed = export(asked.dataset, folder / "out", "--format=nucleus")
    assert code == 0
    assert printed["records"] == {each: len(asked.rows(each)) for each in GROUPS}
    return again(folder / "out", folder / "d", "--partitions=4")


@pytest.fixture(scope="module")
def mixed_again(mixed: Ended, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The same of one with records of every sort."""
    folder = tmp_path_factory.mktemp("nucleus")
    assert export(mixed.dataset, folder / "out", "--format=nucleus")[0] == 0
    return again(folder / "out", folder / "d", "--partitions=3")


@pytest.mark.parametrize("group", GROUPS)
def test_an_ingest_of_the_export_makes_the_same_rows_and_schema(asked: Ended, asked_again: Ended, group: str) -> None:
    assert not asked_again.rejections
    assert rows(asked_again, group) == rows(asked, group)
    assert schema(asked_again, group) == schema(asked, group)


def test_an_ingest_of_the_export_lists_the_same_urls(asked: Ended, asked_again: Ended) -> None:
    assert [row["url"] for row in asked_again.rows("cache_keys")] == [row["url"] for row in asked.rows("cache_keys")]


@pytest.mark.parametrize("group", ["items", "annotations", "predictions"])
def test_rows_of_records_of_every_sort_come_back(mixed: Ended, mixed_again: Ended, group: str) -> None:
    assert rows(mixed_again, group) == rows(mixed, group)
    assert schema(mixed_again, group) == schema(mixed, group)


def test_a_scene_has_its_frames_and_its_split(asked: Ended, tmp_path: Path) -> None:
    code, printed = export(asked.dataset, tmp_path / "out", "--format=nucleus", "--split=train=0.5,test=0.5")
    assert code == 0
    scenes = [
        (split, json.loads(line))
        for split in ("train", "test")
        for path in (tmp_path / "out" / split / "scenes").glob("part-*")
        for line in path.read_text().splitlines()
    ]
    assert len(scenes) == len(asked.rows("scenes"))
    assert {split for split, _ in scenes} == {"train", "test"}
    framed = {row["reference_id"] for row in asked.rows("items") if row["scene_reference_id"]}
    assert {frame["reference_id"] for _, scene in scenes for frame in scene["frames"]} == framed
    assert all("url" in frame and "type" in frame for _, scene in scenes for frame in scene["frames"])
    assert sum(each["items"] for each in printed["splits"].values()) == len(asked.rows("items"))


@pytest.mark.parametrize("flag", ["--query=metadata.n > 0", "--split-by=item"])
def test_whole_scenes_are_written(asked: Ended, tmp_path: Path, flag: str) -> None:
    code, printed = export(asked.dataset, tmp_path / "out", "--format=nucleus", "--split=a=1", flag)
    assert (code, "whole scenes" in printed["message"]) == (2, True)


@pytest.mark.parametrize("form", ["nucleus", "coco"])
@pytest.mark.parametrize("runs", [("yolo", "Yolo"), ("a" * 300, "A" * 300, "é" * 120)], ids=["case", "long"])
def test_each_model_run_has_a_folder_of_its_own(runs: tuple[str, ...], form: str, tmp_path: Path) -> None:
    box = {"reference_id": "a", "type": "box", "label": "car", "geometry": {"x": 1, "y": 2, "width": 3, "height": 4}}
    words = ["--items", f"{ndjson(tmp_path / 'i', [an_item('a')])}"]
    for count, run in enumerate(runs, start=1):
        records = [{**box, "annotation_id": f"{number}"} for number in range(count)]
        words += ["--predictions", f"{run}={ndjson(tmp_path / f'{count}', records)}"]
    published = ingest(tmp_path / "d", *words)
    code, printed = export(published.dataset, tmp_path / "out", f"--format={form}")
    assert code == 0
    counts = [each["records"] for each in printed["files"] if each["path"].startswith("predictions/")]
    assert sorted(counts) == [*range(1, len(runs) + 1)]
    folders = [path.name for path in (tmp_path / "out/predictions").iterdir()]
    assert len({name.lower() for name in folders}) == len(runs)
    if len(runs[0]) < 9:
        assert {unquote(name) for name in folders} == set(runs)
