"""The folder of an export appears whole; what a killed one left is removed by the next, and nothing else (P6)."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from support.processes import wait_until

from pipelines.errors import UsageError
from pipelines.exporting import place
from pipelines.exporting.place import export_folder
from transforms.stages.export_partitions import ExportHead, write_document

KILLED = """
import pathlib, sys
from pipelines.exporting.place import export_folder
with export_folder(sys.argv[1]) as folder:
    pathlib.Path(folder, "part").write_text("half")
    pathlib.Path(sys.argv[2]).touch()
    sys.stdin.read()
"""


def test_a_killed_export_leaves_a_folder_that_the_next_one_removes(tmp_path: Path) -> None:
    out, begun = tmp_path / "exports/out", tmp_path / "begun"
    process = subprocess.Popen([sys.executable, "-c", KILLED, out, begun], stdin=subprocess.PIPE)
    try:
        wait_until(begun.exists, process)
        (left,) = out.parent.iterdir()
        with export_folder(f"{out.parent / 'other'}"), export_folder(f"{out}2"):
            assert left.is_dir(), "it is of a living process"
    finally:
        process.kill()
        process.communicate()
    with export_folder(f"{out.parent / 'out2'}x"):
        assert left.is_dir(), "it is of an export to another place"
    with export_folder(f"{out}") as folder:
        assert not left.exists()
        Path(folder, "export.json").touch()
    assert [path.name for path in out.iterdir()] == ["export.json"]


@pytest.mark.parametrize("name", ["x" * 200, "x" * 201, "é" * 127], ids=["200", "201", "254"])
def test_a_long_name_is_a_place_like_any_other(name: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path / name, tmp_path / "begun"], stdin=subprocess.PIPE
    )
    wait_until((tmp_path / "begun").exists, process)
    process.kill()
    process.communicate()
    with export_folder(f"{tmp_path / name}") as folder:
        Path(folder, "export.json").touch()
    (tmp_path / "begun").unlink()
    assert [path.name for path in tmp_path.iterdir()] == [name], "what the killed one left is removed"
    assert (tmp_path / name / "export.json").exists()


def test_folders_of_others_are_kept(tmp_path: Path) -> None:
    names = (f".out.{uuid.uuid4().hex}.partial", ".out.partial", f".out.{uuid.uuid4().hex}.partial")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").touch()
    (tmp_path / names[1] / ".metadata-etl-temporary").touch()
    with export_folder(f"{tmp_path / 'out'}"):
        pass
    assert all((tmp_path / name / "mine").is_file() for name in names)


def test_of_two_exports_to_one_place_the_second_to_end_says_whose_files_are_there(tmp_path: Path) -> None:
    with (  # noqa: PT012 - what is raised at the end of the block
        pytest.raises(UsageError, match=r"out has files \(export.json\), which are left as they are"),
        export_folder(f"{tmp_path / 'out'}") as folder,
    ):
        Path(folder, "export.json").touch()
        with export_folder(f"{tmp_path / 'out'}") as other:
            Path(other, "export.json").write_text("other")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/export.json").read_text() == "other"


def test_an_export_that_ends_while_another_is_put_in_its_place_says_so_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended_meanwhile(_: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out/export.json").touch()

    monkeypatch.setattr(place, "_flush", ended_meanwhile)
    with pytest.raises(UsageError, match="which are left as they are"), export_folder(f"{tmp_path / 'out'}") as folder:
        Path(folder, "export.json").touch()


def test_a_mount_point_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the empty folder of a container that a volume is mounted on: nothing can be renamed to it."""
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == out)
    with pytest.raises(UsageError, match=r"is a mount point.*: name a folder in it, such as .*out/export"):
        export_folder(f"{out}").__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with export_folder(f"{out / 'export'}") as folder:
        Path(folder, "export.json").touch()
    assert (out / "export/export.json").exists()


def test_a_place_below_a_file_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in ("file/out", "file/a/out"):
        with pytest.raises(UsageError, match=r"is below a file, .*file"), export_folder(f"{tmp_path / out}"):
            pass


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["items/part-00000-of-00004.parquet", "train/items/part-00001-of-00004.parquet"], "export that did not end"),
        (["fragments/part-00000-of-00004.json", "train/annotations/instances.json"], "export that did not end"),
        (["items/part-00000-of-00004.parquet", "export.json"], r"has objects \("),
        (["notes.txt"], r"has objects \("),
    ],
)
def test_an_export_in_a_bucket_that_did_not_end_is_called_so(
    monkeypatch: pytest.MonkeyPatch, names: list[str], said: str
) -> None:
    monkeypatch.setattr(place, "object_sizes", lambda root: {f"{root}/{name}": 1 for name in names})
    with pytest.raises(UsageError, match=said), export_folder("gs://bucket/out"):
        pass


def test_the_path_of_the_dataset_may_be_no_utf8(tmp_path: Path) -> None:
    dataset = "exports\udcff/d"  # as Python has the name of a folder in Latin-1
    head: ExportHead = {
        "format": 1,
        "dataset": dataset,
        "version": 1,
        "schema_fingerprint": "",
        "file_format": "csv",
        "group": None,
        "query": None,
        "split": None,
    }
    write_document(f"{tmp_path}", head, [])
    assert json.loads((tmp_path / "export.json").read_bytes())["dataset"] == dataset
