"""Which rows an export has: those of a group, of a query, of a version, of a split (EXCHANGE, Out)."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.in_process import export, ingest
from support.runs import GROUPS, Ended, an_item, ndjson

import metadata_etl
from pipelines.errors import EngineError, JobError, WorkerLostError
from pipelines.exporting.config import ExportConfig
from pipelines.exporting.run import run
from pipelines.runners import choose
from transforms.rules.splits import SplitError, Splits


def names(out: Path, group: str, split: str = "") -> list[str]:
    """The reference ids of the exported rows of a group, in order."""
    paths = sorted((out / split / group).glob("part-*"))
    return [name for path in paths for name in pq.read_table(path)["reference_id"].to_pylist()]


def test_export_json_counts_and_lists_what_is_there(asked: Ended, tmp_path: Path) -> None:
    code, printed = export(asked.dataset, tmp_path / "out")
    document = json.loads((tmp_path / "out/export.json").read_text())
    assert (code, printed) == (0, {**document, "out": f"{tmp_path / 'out'}"})
    assert document["records"] == {group: len(asked.rows(group)) for group in GROUPS}
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("part-*")}
    assert {each["path"] for each in document["files"]} == files
    assert (document["dataset"], document["version"], document["query"]) == (f"{asked.dataset}", 1, None)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_same_export_has_the_same_bytes(asked: Ended, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(asked.dataset, tmp_path / name, "--split=train=0.5,test=0.5")
    found = [
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("a", "b")
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("group", "query"), [("items", "metadata.weather = rain"), ("annotations", "metadata.points > 5")]
)
def test_a_query_with_a_group_selects_its_rows(asked: Ended, tmp_path: Path, group: str, query: str) -> None:
    assert export(asked.dataset, tmp_path / "out", f"--group={group}", f"--query={query}")[0] == 0
    rows = getattr(metadata_etl.open(asked.dataset), group)(query)
    expected = rows.select("reference_id").collect()["reference_id"].to_list()
    assert names(tmp_path / "out", group) == expected
    assert expected


def test_a_sample_is_exported_as_one(asked: Ended, tmp_path: Path) -> None:
    query = "metadata.n > -3 SAMPLE 9"
    assert export(asked.dataset, tmp_path / "out", "--group=items", f"--query={query}")[0] == 0
    rows = metadata_etl.open(asked.dataset).items(query).collect()
    assert sorted(names(tmp_path / "out", "items")) == sorted(rows["reference_id"].to_list())


def test_a_query_without_a_group_selects_items_and_all_that_belongs_to_them(asked: Ended, tmp_path: Path) -> None:
    query = "metadata.weather = rain"
    assert export(asked.dataset, tmp_path / "out", f"--query={query}")[0] == 0
    rows = metadata_etl.open(asked.dataset).items(query).collect()
    items, scenes = set(rows["reference_id"]), set(rows["scene_reference_id"].drop_nulls())
    assert items
    assert scenes
    assert set(names(tmp_path / "out", "items")) == items
    assert set(names(tmp_path / "out", "scenes")) == scenes
    for group in ("annotations", "predictions"):
        expected = [row["reference_id"] for row in asked.rows(group) if row["reference_id"] in items | scenes]
        assert sorted(names(tmp_path / "out", group)) == sorted(expected)


def test_no_scene_is_in_two_splits_and_annotations_are_with_their_items(asked: Ended, tmp_path: Path) -> None:
    code, printed = export(asked.dataset, tmp_path / "out", "--split=train=0.6,val=0.2,test=0.2")
    assert code == 0
    of_item: dict[str, str] = {}
    of_scene: dict[str, set[str]] = {}
    scene_of = {row["reference_id"]: row["scene_reference_id"] for row in asked.rows("items")}
    for split in ("train", "val", "test"):
        for name in names(tmp_path / "out", "items", split):
            of_item[name] = split
            if scene_of[name]:
                of_scene.setdefault(scene_of[name], set()).add(split)
        for name in names(tmp_path / "out", "scenes", split):
            of_scene.setdefault(name, set()).add(split)
    assert of_item.keys() == scene_of.keys()
    assert len({*of_item.values()}) > 1
    assert all(len(found) == 1 for found in of_scene.values())
    for group in ("annotations", "predictions"):
        for split in ("train", "val", "test"):
            for name in names(tmp_path / "out", group, split):
                assert split in (of_item.get(name), *of_scene.get(name, ()))
    assert sum(each["items"] for each in printed["splits"].values()) == len(scene_of)


@pytest.mark.parametrize("by", ["scene", "item", "weather", "n"])
def test_a_record_keeps_its_split_when_the_dataset_grows(tmp_path: Path, by: str) -> None:
    def split_of() -> dict[str, str]:
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        assert export(tmp_path / "d", out, "--split=train=0.5,test=0.5", f"--split-by={by}")[0] == 0
        return {name: split for split in ("train", "test") for name in names(out, "items", split)}

    def more(numbers: range, *flags: str) -> None:
        items = [an_item(f"i{n}", {"weather": "rain" if n % 3 else "sun", "n": n}) for n in numbers]
        assert ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', items)}", *flags).outcome == "published"

    more(range(20), "--partitions=3")
    before = split_of()
    more(range(20, 50))
    after = split_of()
    assert before == {name: after[name] for name in before}
    if by == "weather":
        assert len({after["i1"], after["i2"], after["i4"]}) == 1


def test_items_without_a_value_of_the_field_are_divided_one_by_one(tmp_path: Path) -> None:
    values: list[dict[str, object]] = [{"weather": "rain"}, {"weather": None}, {}]
    items = [an_item(f"i{n}", values[n % 3]) for n in range(30)]
    assert ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', items)}").outcome == "published"
    found: dict[str, dict[str, str]] = {}
    for by in ("weather", "item"):
        out = tmp_path / by
        assert export(tmp_path / "d", out, "--split=train=0.5,test=0.5", f"--split-by={by}")[0] == 0
        found[by] = {name: split for split in ("train", "test") for name in names(out, "items", split)}
    without = [f"i{n}" for n in range(30) if n % 3]
    assert {name: found["weather"][name] for name in without} == {name: found["item"][name] for name in without}
    assert len({found["weather"][name] for name in without}) == 2
    assert len({found["weather"][f"i{n}"] for n in range(0, 30, 3)}) == 1


def test_an_older_version_is_exported_as_it_was(tmp_path: Path) -> None:
    for number in range(2):
        ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', [an_item(f'{number}')])}")
    assert export(tmp_path / "d", tmp_path / "out", "--version=1")[1]["version"] == 1
    assert names(tmp_path / "out", "items") == ["0"]


def test_an_empty_export_is_a_folder_with_its_document(asked: Ended, tmp_path: Path) -> None:
    code, printed = export(asked.dataset, tmp_path / "out", "--query=metadata.n > 1000")
    assert (code, printed["files"]) == (0, [])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["export.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train", "NAME=SHARE"),
        ("a=0.5,b=0.6", "add up to 1, got 1.1"),
        ("a=0.5,a=0.5", "each split once"),
        ("a=0.5,A=0.5", "no two that differ in case alone"),
        ("../x=1", "NAME=SHARE"),
        ("a=nan", "NAME=SHARE"),
        ("a=2,b=-1", "NAME=SHARE"),
    ],
)
def test_shares_that_are_none_are_refused(text: str, said: str) -> None:
    with pytest.raises(SplitError, match=said):
        Splits.of(text)


def test_shares_come_out_as_asked() -> None:
    splits = Splits.of("train=0.8,val=0.1,test=0.1")
    found = [splits.split_of(f"{number}") for number in range(5_000)]
    for number, share in enumerate((0.8, 0.1, 0.1)):
        assert abs(found.count(number) / len(found) - share) < 0.02


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--split=a=1", "--split-by=wether"], "did you mean weather"),
        (["--split=a=1", "--split-by=metadata.weather"], "did you mean weather"),
        (["--format=coco", "--group=scenes"], "has no word for scenes"),
        (["--split-by=scene"], "--split-by goes with --split"),
        (["--split=a=0.5"], "--split: expected shares that add up to 1"),
        (["--version=9"], "has no version 9"),
        (["--query=metadata.wether = x"], "did you mean `weather`"),
        (["--query=metadata.n > 1 ORDER BY metadata.n"], "takes no ORDER BY"),
        (["--group=items", "--query=ORDER BY metadata.n SAMPLE 3"], "takes no ORDER BY"),
    ],
)
def test_wrong_flags_are_wrong_usage_and_leave_nothing(
    asked: Ended, tmp_path: Path, flags: list[str], said: str
) -> None:
    code, printed = export(asked.dataset, tmp_path / "out", *flags)
    assert (code, said in printed["message"]) == (2, True), printed
    assert not list(tmp_path.iterdir())


@pytest.fixture
def occupied(tmp_path: Path) -> dict[str, Path]:
    """Places that are taken."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "empty", target_is_directory=True)
    (tmp_path / "empty").mkdir()
    return {name: tmp_path / name for name in ("files", "file", "link", "empty")}


@pytest.mark.parametrize("name", ["files", "file", "link"])
def test_files_of_others_are_never_written_over(asked: Ended, occupied: dict[str, Path], name: str) -> None:
    before = {path: path.is_file() and path.read_bytes() for path in occupied["file"].parent.rglob("*")}
    code, printed = export(asked.dataset, occupied[name])
    assert code == 2
    assert "name" in printed["message"]
    assert before == {path: path.is_file() and path.read_bytes() for path in occupied["file"].parent.rglob("*")}


def test_an_empty_directory_is_taken(asked: Ended, occupied: dict[str, Path]) -> None:
    assert export(asked.dataset, occupied["empty"], "--group=scenes")[0] == 0
    assert names(occupied["empty"], "scenes")


LOST = WorkerLostError("a worker process ended")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            EngineError("Flink did not finish the job: no slots; nothing was published. See the log of the engine"),
            "nothing was exported: Flink did not finish the job: no slots. See the log of the engine",
        ),
        (LOST, f"nothing was exported: {LOST}".replace("; nothing was published", "")),
    ],
)
def test_an_engine_that_fails_leaves_no_folder_and_says_that_nothing_was_exported(
    asked: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: JobError, said: str
) -> None:
    class Failing:
        def run(self, _: object) -> None:
            raise error

    monkeypatch.setattr(choose, "choose", lambda *_: Failing())
    with pytest.raises(type(error)) as raised:
        run(ExportConfig.of(f"{asked.dataset}", out=f"{tmp_path / 'out'}"))
    assert (f"{raised.value}", list(tmp_path.iterdir())) == (said, [])


def test_damage_is_an_error_and_leaves_no_folder(tmp_path: Path) -> None:
    run = ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', [an_item(f'{n}') for n in range(9)])}")
    state = next((run.folder / "state/items").glob("part-*"))
    state.write_bytes(state.read_bytes()[:-1] + b"!")
    code, printed = export(run.dataset, tmp_path / "out")
    assert (code, state.name in printed["message"]) == (7, True), printed
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))
