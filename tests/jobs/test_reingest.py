"""Rejected records to files that are ingested again: one for each group and model run, and the command (R1, G5)."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli.arguments import parser
from pipelines.cli.config_file import read_options
from pipelines.dataset.rejections import Rejected, RejectingJob
from pipelines.errors import UsageError
from pipelines.ingest.reingest import deliver, file_name

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)


def job(**options: Any) -> RejectingJob:
    return RejectingJob("version 1", 1, published=True, options=options, model_runs={}, parts=())


def rejected(of: RejectingJob, group: str, raw: str, **more: Any) -> Rejected:
    line = {"code": "missing_url", "export": "e", "offset": len(raw), "group": group, "raw": raw, "encoding": "utf-8"}
    return Rejected(of, {**line, **more})


def test_a_file_for_each_group_and_model_run(tmp_path: Path) -> None:
    of = job(mode="replace", on_duplicate="last", on_conflict="null", max_rejected="1%", max_fields=9)
    some = [
        rejected(of, "predictions", "{1}", model_run="v1"),
        rejected(of, "items", "{22}"),
        rejected(of, "items", "{333}", export_group="scenes"),  # a frame: its record is the scene
        rejected(of, "predictions", "{4444}", model_run="v 2"),
        rejected(of, "annotations", "{\n}"),
        rejected(of, "items", "", raw_truncated=True),
    ]
    ((delivery,), left_out) = deliver("my data", some, str(tmp_path / "out"))
    assert left_out == 1
    found = {file.source: Path(file.path).read_text() for file in delivery.files}
    assert found == {
        ("items", None): "{22}\n",
        ("scenes", None): "{333}\n",
        ("annotations", None): "{ }\n",
        ("predictions", "v 2"): "{4444}\n",
        ("predictions", "v1"): "{1}\n",
    }
    words = shlex.split(delivery.command)
    assert words[0] == "metadata-etl"
    given = parser().parse_args(words[1:])
    assert (given.dataset, given.mode, given.on_duplicate, given.on_conflict) == ("my data", "replace", "last", "null")
    assert (given.max_rejected, given.max_fields) == ("1%", 9)
    assert {(each.group, each.model_run, each.pattern) for each in given.sources} == {
        (*file.source, file.path) for file in delivery.files
    }


def test_nothing_is_written_over_nor_half_written(tmp_path: Path) -> None:
    of = job(mode="append")
    some = [rejected(of, "items", "{}"), rejected(of, "scenes", "{}")]
    (tmp_path / "scenes.ndjson").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"scenes\.ndjson is there already"):
        deliver("d", some, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["scenes.ndjson"]


def test_a_folder_that_no_job_file_can_name_is_refused_where_one_is_needed(tmp_path: Path) -> None:
    folder = str(tmp_path / "o\udcff")
    with pytest.raises(UsageError, match=r"not in UTF-8, .*; name another folder"):
        deliver("d", [rejected(job(mode="append"), "predictions", "{}", model_run="a=b")], folder)
    ((delivery,), _) = deliver("d", [rejected(job(mode="append"), "predictions", "{}", model_run="v1")], folder)
    assert delivery.files[0].records == 1


def test_what_was_written_before_an_error_is_removed(tmp_path: Path) -> None:
    some = [rejected(job(mode=mode), "items", "{}") for mode in ("append", "merge")]
    (tmp_path / "2").touch()  # where the folder of the second job has to be
    with pytest.raises(FileExistsError):
        deliver("d", some, str(tmp_path))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["2"]
    (tmp_path / "2").unlink()
    deliveries, _ = deliver("d", some, str(tmp_path))
    assert len(deliveries) == 2


def test_jobs_of_other_options_have_folders_of_their_own(tmp_path: Path) -> None:
    some = [rejected(job(mode=mode), "items", f'"{mode}"') for mode in ("append", "merge", "append")]
    deliveries, _ = deliver("d", some, str(tmp_path))
    assert [each.command.split("--mode ")[1].split()[0] for each in deliveries] == ["append", "merge"]
    assert (tmp_path / "1/items.ndjson").read_text() == '"append"\n'
    assert (tmp_path / "2/items.ndjson").read_text() == '"merge"\n'


@given(NAMES, NAMES)
def test_model_runs_have_file_names_of_their_own_that_are_safe(one: str, other: str) -> None:
    names = [file_name(("predictions", run)) for run in (one, other)]
    assert all(name.isascii() and "/" not in name and name.isprintable() and len(name) < 100 for name in names)
    assert all(name.startswith("predictions-") for name in names)
    assert (names[0].lower() == names[1].lower()) == (one == other)


@pytest.mark.parametrize("folder", ["out", "{date} {}"])
@pytest.mark.parametrize("run", ["a=b", "x\x1b[31m", "quote\"'\\", "..", "del\x7f", "line\nend", "--mode"])
def test_hostile_model_runs_come_back_as_they_were(tmp_path: Path, run: str, folder: str) -> None:
    of = job(mode="append")
    some = [rejected(of, "predictions", "{}", model_run=run), rejected(of, "predictions", "{2}", model_run="plain")]
    ((delivery,), _) = deliver("d", some, str(tmp_path / folder))
    assert delivery.command.isprintable()
    given = parser().parse_args(shlex.split(delivery.command)[1:])
    paths = {file.source[1]: file.path for file in delivery.files}
    if given.config is None:
        assert {source.model_run: source.pattern for source in given.sources} == paths
    else:
        named = read_options(given.config).sources or ()
        assert {source.model_run: source.pattern for source in named} == paths
