"""What is not the dataset's own stays byte for byte, whatever is done beside it, and is no reason to fail (P6)."""

import io
import json
import os
import shutil
import socket
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from support.profiles import every_combination
from support.runs import a_run, an_item, ingest, ndjson

from pipelines.cli.main import main
from pipelines.dataset.store.base import VersionFile, new_run_id
from pipelines.dataset.store.local import LocalStore
from pipelines.errors import ForeignFilesError, UsageError

Snapshot = dict[str, tuple[str, bytes]]


pytestmark = pytest.mark.usefixtures("without_beam")  # stores and commands are looked at, not who does the job


def said(*words: object) -> tuple[int, str, str]:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main([str(word) for word in words])
    return code, out.getvalue(), err.getvalue()


def snapshot(*places: Path) -> Snapshot:
    """Kind and bytes of all that is at some places, links not followed."""
    found: Snapshot = {}
    for place in places:
        inner = sorted(place.rglob("*")) if place.is_dir() and not place.is_symlink() else []
        for path in (place, *inner):
            if path.is_symlink():
                found[str(path)] = ("link", os.fsencode(path.readlink()))
            elif path.is_file():
                found[str(path)] = ("file", path.read_bytes())
            else:
                found[str(path)] = ("folder" if path.is_dir() else "other", b"")
    return found


def publish(store: LocalStore, version: int, text: str = "", *, fsync: bool = False) -> None:
    with store.run(None) as run:
        manifest = Path(run.root, "manifest.json")
        manifest.write_text(json.dumps({"format": 4, "files": [], "who": text}))
        part = Path(run.root, "items/part-00000-of-00001.avro")
        part.parent.mkdir()
        part.write_text(f"rows of {version}")
        files = [VersionFile(str(manifest), "manifest.json"), VersionFile(str(part), "items/part-00000-of-00001.avro")]
        store.publish(run, version, store.pointer(), files, fsync=fsync)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """A dataset of three versions."""
    made = LocalStore(str(tmp_path / "d"))
    for number in (1, 2, 3):
        publish(made, number)
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two versions that jobs have published, and exports beside it."""
    folder = tmp_path_factory.mktemp("made")
    ndjson(folder / "bad.ndjson", [an_item("x"), {"metadata": {}}])
    for number in (1, 2, 3):
        ndjson(folder / f"{number}.ndjson", [an_item(f"i{number}", {"n": number})])
    for number in (1, 2):
        assert ingest(folder / "d", "--items", f"{folder}/{number}.ndjson", "--partitions", "1").exit_code == 0
    return folder


def a_file(path: Path, text: str = "weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def a_link(path: Path, target: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(str(target))
    return path


def a_socket(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    here = Path.cwd()
    os.chdir(path.parent)  # its path may be too long for a socket
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)
    return path


def a_pipe(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


def a_foreign_run(path: Path) -> Path:
    """A run of another dataset, which has a report, a marker and a lease."""
    other = LocalStore(str(path.parent.parent.parent / "other"))
    shutil.copytree(a_run(other), path)
    return path


Plant = Callable[[Path], Path]
PLANTS: dict[str, Plant] = {
    "runs of another tool": lambda d: a_file(d / "runs/exp1/best.pt").parent,
    "an empty folder of it": lambda d: a_file(d / "runs/exp1/sub/.keep").parent,
    "a file in runs": lambda d: a_file(d / "runs/.DS_Store"),
    "a file in versions": lambda d: a_file(d / "versions/Thumbs.db"),
    "a repository in versions": lambda d: a_file(d / "versions/.git/HEAD").parent,
    "a year in versions": lambda d: a_file(d / "versions/2024/manifest.json", "{}").parent,
    "a hidden folder in versions": lambda d: a_file(d / "versions/.4.pruned/x").parent,
    "a name of a run in versions": lambda d: a_file(d / f"versions/.{new_run_id()}/x").parent,
    "a version of somebody else": lambda d: a_file(d / "versions/000009/manifest.json", "{}").parent,
    "a low version of somebody else": lambda d: a_file(d / "versions/000000/manifest.json", "{}").parent,
    "a file named like a version": lambda d: a_file(d / "versions/000007"),
    "a file named like a run": lambda d: a_file(d / f"runs/{new_run_id()}"),
    "an unmarked folder named like a run": lambda d: a_file(d / f"runs/{new_run_id()}/x").parent,
    "a run of another dataset": lambda d: a_foreign_run(d / f"runs/{new_run_id()}"),
    "digits that are none": lambda d: a_file(d / "versions/²/x").parent,
    "digits of another script": lambda d: a_file(d / "versions/٣٣٣٣٣٣/manifest.json", "{}").parent,
    "a link named like a run": lambda d: a_link(d / f"runs/{new_run_id()}", d.parent),
    "a link named like a version": lambda d: a_link(d / "versions/000008", d.parent),
    "a broken link": lambda d: a_link(d / "runs/gone", d / "nowhere"),
    "a socket": lambda d: a_socket(d / "runs/socket"),
    "a pipe named like a lock": lambda d: a_pipe(d / f"runs/{new_run_id()}/.lock").parent,
    "a pipe in versions": lambda d: a_pipe(d / "versions/000006"),
    "a name that is no text": lambda d: a_file(d / "runs" / os.fsdecode(b"\xff\x1b[31m")),
    "what lies beside": lambda d: a_file(d / "README.md"),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=list(PLANTS))
def test_what_is_not_its_own_stays_whatever_a_store_does(store: LocalStore, plant: Plant) -> None:
    planted = plant(Path(store.root))
    before = snapshot(planted)
    with pytest.raises(KeyboardInterrupt), store.run(3):
        raise KeyboardInterrupt
    dead = a_run(store)
    assert store.sweep() == [dead.name]
    publish(store, number := store.next_number(3))
    assert store.prune([1, 2, 3]) == [1, 2, 3]
    with store.detach(None) as run:
        pass
    store.clear(run, ())
    store.release(run)
    store.remove(run.root)
    assert store.version_numbers() == [number]
    assert snapshot(planted) == before
    expected = [] if planted.parent == Path(store.root) else [planted.relative_to(store.root).as_posix()]
    assert store.foreign() in (expected, [f"{expected[0].rpartition('/')[0]}"] if expected else [])


COMMANDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "ingest": (0, ("ingest", "--dataset", "{d}", "--items", "{made}/3.ndjson")),
    "failing ingest": (4, ("ingest", "--dataset", "{d}", "--items", "{made}/bad.ndjson", "--max-rejected", "0")),
    "dry run": (0, ("ingest", "--dataset", "{d}", "--items", "{made}/3.ndjson", "--dry-run")),
    "rollback": (0, ("rollback", "{d}", "1")),
    "prune": (0, ("prune", "{d}", "--keep", "1")),
    "prune --dry-run": (0, ("prune", "{d}", "--keep", "1", "--dry-run")),
    "backfill": (0, ("backfill", "--dataset", "{d}", "--history", "{made}/history.toml")),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works_beside_what_is_not_its_own_and_names_it_once(
    made: Path, tmp_path: Path, command: str
) -> None:
    """All of it at once, in a dataset that was copied with `cp -r`."""
    dataset = tmp_path / "d"
    shutil.copytree(made / "d", dataset)
    (made / "history.toml").write_text(f'[[job]]\nitems = "{made}/3.ndjson"\n')
    planted = [plant(dataset) for plant in PLANTS.values()]
    planted.append(a_file(dataset / "versions/000003/manifest.json", "of somebody else").parent)
    before = snapshot(*planted)
    expected, words = COMMANDS[command]
    code, out, err = said(*(word.format(d=dataset, made=made) for word in words))
    assert code == expected, err
    assert snapshot(*planted) == before
    (line,) = [line for line in err.split("\n") if "left as they are" in line]
    assert "runs/" in line
    assert "and 13 more" in line
    assert line.isprintable()
    if command in ("ingest", "backfill", "rollback"):
        assert json.loads((dataset / "CURRENT").read_text())["version"] == 4, "the next number that is free"
        assert said("query", dataset, "", "--count") or out
    versions = said("versions", dataset)
    assert versions[0] == 0, "and it can be read"


LINKED = ("runs", "versions", ".metadata-etl")


WRITING = [name for name in COMMANDS if "dry" not in name]
FOLDERS = [f"{name}, {kind}" for kind in ("a link", "a file") for name in LINKED]


@pytest.mark.parametrize(("command", "folder"), every_combination(WRITING, FOLDERS))
def test_nothing_is_written_or_removed_through_a_link(made: Path, tmp_path: Path, folder: str, command: str) -> None:
    """Of whole folders of the dataset; what can be read is read."""
    name, _, kind = folder.partition(", ")
    dataset, elsewhere = tmp_path / "d", tmp_path / "elsewhere"
    shutil.copytree(made / "d", dataset)
    (made / "history.toml").write_text(f'[[job]]\nitems = "{made}/3.ndjson"\n')
    if (dataset / name).exists():
        (dataset / name).rename(elsewhere)
    else:
        a_file(elsewhere / f"{new_run_id()}/best.pt")
    if kind == "a link":
        (dataset / name).symlink_to(elsewhere)
    else:
        (dataset / name).write_text("a file")
    before = snapshot(dataset, elsewhere)
    code, _, err = said(*(word.format(d=dataset, made=made) for word in COMMANDS[command][1]))
    assert (code, err.count("\n")) in ((2, 1), (7, 1)), err
    if kind == "a link":
        assert code == 2
        assert f"{dataset / name} is a symbolic link" in err
        assert "run this again" in err
        assert said("schema", dataset)[0] == 0, "reading goes on"
    elif name != "versions":
        assert name in err
    after = snapshot(dataset, elsewhere)
    after.pop(f"{dataset}/.lock", None)
    before.pop(f"{dataset}/.lock", None)
    assert after == before


@pytest.mark.parametrize("name", ["CURRENT", ".lock"])
def test_a_link_in_the_place_of_a_file_is_not_written_over(store: LocalStore, tmp_path: Path, name: str) -> None:
    target = a_file(tmp_path / "target", '{"version": 3, "manifest": "versions/000003/manifest.json"}')
    Path(store.root, name).unlink()
    a_link(Path(store.root, name), target)
    with pytest.raises(UsageError, match="is a symbolic link"), store.run(3):
        pass
    with pytest.raises(UsageError, match="is a symbolic link"):
        store.prune([1])
    assert target.read_text().startswith('{"version": 3')


def test_a_link_to_the_whole_dataset_is_followed(store: LocalStore, tmp_path: Path) -> None:
    through = LocalStore(str(a_link(tmp_path / "link", store.root)))
    publish(through, 4)
    assert through.prune([1, 2, 3]) == [1, 2, 3]
    assert store.version_numbers() == [4]


@pytest.mark.parametrize(
    "names",
    [["runs/exp1/best.pt"], ["versions/2024/x"], ["runs/.keep"], ["data.csv"], ["CURRENT"], [".metadata-etl/x"]],
    ids="+".join,
)
@pytest.mark.parametrize("command", ["ingest", "backfill", "dry run", "prune", "rollback"])
def test_a_directory_of_others_becomes_no_dataset(made: Path, tmp_path: Path, names: list[str], command: str) -> None:
    directory = tmp_path / "p"
    for name in names:
        a_file(directory / name)
    (made / "history.toml").write_text(f'[[job]]\nitems = "{made}/3.ndjson"\n')
    before = snapshot(directory)
    code, _, err = said(*(word.format(d=directory, made=made) for word in COMMANDS[command][1]))
    assert (code, err.count("\n")) == (2, 1)
    assert names[0].split("/")[0] in err
    assert snapshot(directory) == before


def test_files_of_file_managers_are_nobodys_and_keep_no_directory_from_becoming_a_dataset(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "d"))
    for name in (".DS_Store", "Thumbs.db", "._d", "desktop.ini"):
        a_file(tmp_path / "d" / name)
    publish(store, 1)
    assert store.version_numbers() == [1]


def test_a_job_that_died_right_after_the_marker_left_an_empty_dataset(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "d"))
    publish(store, 1)
    marked = tmp_path / "marked/.metadata-etl"
    marked.mkdir(parents=True)
    shutil.copy(tmp_path / "d/.metadata-etl/dataset.json", marked)
    left = LocalStore(str(tmp_path / "marked"))
    left.check_free()
    publish(left, 1)
    half = LocalStore(str(tmp_path / "half"))
    a_file(tmp_path / "half/.metadata-etl/dataset.json.0a1b2c3d.tmp", "{")
    publish(half, 1)
    assert [each.name for each in (tmp_path / "half/.metadata-etl").iterdir() if "tmp" in each.name] == []


def test_each_dataset_has_an_id_of_its_own_which_stays(tmp_path: Path) -> None:
    stores = [LocalStore(str(tmp_path / name)) for name in "ab"]
    for store in stores:
        publish(store, 1)
    before = [Path(store.root, ".metadata-etl/dataset.json").read_bytes() for store in stores]
    assert stores[0].identity() != stores[1].identity()
    for store in stores:
        publish(store, 2)
        store.prune([1])
    assert [Path(store.root, ".metadata-etl/dataset.json").read_bytes() for store in stores] == before
    assert {**json.loads(before[0]), "dataset": ""} == {"tool": "metadata-etl", "format": 1, "dataset": ""}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"tool": "x"}', "[" * 100_000, '{"tool": 1, "format": []}'])
def test_a_damaged_marker_is_one_line(made: Path, tmp_path: Path, text: str) -> None:
    shutil.copytree(made / "d", tmp_path / "d")
    (tmp_path / "d/.metadata-etl/dataset.json").write_text(text)
    before = snapshot(tmp_path / "d")
    code, _, err = said("ingest", "--dataset", tmp_path / "d", "--items", made / "3.ndjson")
    assert (code, err.count("\n")) == (7, 1)
    assert "dataset.json is damaged" in err
    assert snapshot(tmp_path / "d") == before


def test_a_dataset_that_was_copied_without_its_hidden_files_says_so(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "d", tmp_path / "d", ignore=shutil.ignore_patterns(".*"))
    before = snapshot(tmp_path / "d")
    for words in (("ingest", "--dataset", tmp_path / "d", "--items", made / "3.ndjson"), ("prune", tmp_path / "d")):
        code, _, err = said(*words, *(["--keep", "1"] if words[0] == "prune" else []))
        assert (code, err.count("\n")) == (7, 1)
        assert "names begin with a dot" in err
    assert snapshot(tmp_path / "d") == before


def test_a_copied_and_a_moved_dataset_go_on(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "d", tmp_path / "copy")
    (tmp_path / "copy").rename(tmp_path / "moved")
    assert said("ingest", "--dataset", tmp_path / "moved", "--items", made / "3.ndjson")[0] == 0
    assert said("prune", tmp_path / "moved", "--keep", "1")[0] == 0
    assert [path.name for path in (tmp_path / "moved/versions").iterdir()] == ["000003"]


def test_what_somebody_put_into_a_version_keeps_it_from_being_pruned(store: LocalStore) -> None:
    root = Path(store.root)
    planted = [a_file(root / "versions/000001/notes.txt"), a_link(root / "versions/000002/items/x.avro", root)]
    a_file(root / "versions/000003/.DS_Store")
    publish(store, 4)
    before = snapshot(root / "versions/000001", root / "versions/000002")
    found = store.removable([4])
    assert (found.versions, len(found.blocked)) == ((3,), 2)
    assert store.prune([1, 2, 3]) == [3]
    assert snapshot(root / "versions/000001", root / "versions/000002") == before
    for path in planted:
        path.unlink()
    assert store.prune([1, 2]) == [1, 2]


def test_pruning_takes_what_is_recorded_along_and_says_first_what_it_would(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = tmp_path / "d"
    shutil.copytree(made / "d", dataset)
    dead = a_run(LocalStore(str(dataset)))
    before = snapshot(dataset)
    assert main(["prune", str(dataset), "--keep", "1", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out == f"Would remove versions of {dataset}: 1. Would keep: 2. Abandoned runs: {dead.name}.\n"
    assert snapshot(dataset) == before
    assert main(["prune", str(dataset), "--keep", "1"]) == 0
    assert capsys.readouterr().out == f"Removed versions of {dataset}: 1. Kept: 2.\n"
    assert [path.name for path in (dataset / ".metadata-etl/manifests").iterdir()] == ["000002.json"]
    assert not dead.exists()


def test_the_current_version_is_not_pruned(store: LocalStore) -> None:
    publish(store, 4)
    assert store.prune([1, 2, 4]) == [1, 2]
    assert store.version_numbers() == [3, 4]


def test_a_folder_that_comes_into_the_way_of_a_version_stays_and_the_job_says_so(store: LocalStore) -> None:
    with store.run(3) as run:
        manifest = a_file(Path(run.root, "manifest.json"), "{}")
        planted = a_file(Path(store.root, "versions/000004/x"))
        with pytest.raises(ForeignFilesError, match=r"versions/000004 was put there by somebody else.*run the job"):
            store.publish(run, 4, store.pointer(), [VersionFile(str(manifest), "manifest.json")])
    assert planted.read_text() == "weights"
    assert store.next_number(3) == 5


def test_a_run_that_is_written_to_again_when_it_was_removed_goes_too(store: LocalStore) -> None:
    dead = a_run(store)
    assert store.sweep() == [dead.name]
    a_file(dead / "items/part-0", "by a worker that did not notice")
    assert store.sweep() == [dead.name]
    assert not dead.exists()
    assert store.foreign() == []


def test_a_link_that_takes_the_place_of_a_run_is_not_followed(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race that a check of the path alone would lose: the folder is exchanged when it was looked at."""
    from pipelines.dataset.store.folders import Folder  # noqa: PLC0415 - the one test that looks inside

    kept = a_file(tmp_path / "elsewhere/best.pt")
    dead, move = a_run(store), Folder.move

    def exchanged(self: Folder, name: str, to: Folder, new: str) -> None:
        if name == dead.name and not dead.is_symlink():
            dead.rename(tmp_path / "aside")
            dead.symlink_to(kept.parent)
        move(self, name, to, new)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "move", exchanged)
        with pytest.raises(OSError, match="was replaced during its removal"):
            store.sweep()
    assert kept.read_text() == "weights"
    assert dead.is_symlink()


def test_a_link_in_a_run_is_removed_and_what_it_names_stays(store: LocalStore, tmp_path: Path) -> None:
    kept = a_file(tmp_path / "elsewhere/best.pt")
    with store.run(3) as run:
        a_link(Path(run.root, "items"), kept.parent)
        store.clear(run, ())
        assert not Path(run.root, "items").is_symlink()
        a_link(Path(run.root, "items"), kept.parent)
    assert store.sweep() == [run.id]
    assert kept.read_text() == "weights"


def test_a_page_takes_the_place_of_a_page_and_of_nothing_else(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made / "d", tmp_path / "d")
    mine = a_file(tmp_path / "d.html", "<p>mine")
    link, pipe = a_link(tmp_path / "link.html", "page.html"), a_pipe(tmp_path / "pipe.html")
    a_file(tmp_path / "export.ndjson", "{}")
    before = snapshot(tmp_path)
    refused = {
        "d/CURRENT": "belongs to the dataset",
        "d/versions/x.html": "belongs to the dataset",
        "pipe.html": "no regular file",
        "export.ndjson": "is no page",
    }
    for out, reason in refused.items():
        code, _, err = said("report", "d", "--out", out)
        assert (code, err.count("\n")) == (2, 1)
        assert reason in err
    code, _, err = said("report", "d")
    assert (code, "d.html exists and is no page" in err) == (2, True)
    assert snapshot(tmp_path) == before
    mine.unlink()
    for _ in range(2):
        assert said("report", "d") == (0, *said("report", "d")[1:])
    (tmp_path / "page.html").touch()  # reserved, as by mktemp
    assert said("report", "d", "--out", link.name)[0] == 0
    assert link.is_symlink()
    assert (tmp_path / "page.html").read_bytes() == mine.read_bytes()
    assert pipe.is_fifo()


def test_a_job_does_not_write_its_page_over_its_export(tmp_path: Path) -> None:
    export = ndjson(tmp_path / "items.ndjson", [an_item("a")])
    was = export.read_bytes()
    code, _, err = said("ingest", "--dataset", tmp_path / "d", "--items", export, "--report", export)
    assert (code, "exists and is no page" in err) == (2, True)
    assert export.read_bytes() == was
    assert not (tmp_path / "d").exists()


def test_nothing_else_is_written_among_the_files_of_a_dataset(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "d", tmp_path / "d")
    a_link(tmp_path / "link", "d/versions")
    before = snapshot(tmp_path)
    for out in ("d/versions/000009", "d/runs", "d/.metadata-etl/x", "link/x"):
        for command in ("export", "rejections"):
            code, _, err = said(command, tmp_path / "d", "--out", tmp_path / out)
            assert (code, err.count("\n"), "belongs to the dataset" in err) == (2, 1, True), (command, out)
    assert snapshot(tmp_path) == before


def test_a_page_that_cannot_be_made_leaves_the_outcome_as_it_is(made: Path, tmp_path: Path) -> None:
    """RULES R4: only a job that publishes nothing ends with another exit code than 0."""
    shutil.copytree(made / "d", tmp_path / "d")
    schema = tmp_path / "d/versions/000002/schema.json"  # which the page compares with, and the job does not need
    schema.write_bytes(schema.read_bytes().replace(b"1", b"2", 1))
    arguments = ("--items", made / "3.ndjson", "--json", "--report", tmp_path / "page.html")
    code, out, err = said("ingest", "--dataset", tmp_path / "d", *arguments)
    assert (code, json.loads(out)["outcome"], json.loads(out)["version"]) == (0, "published", 3)
    assert (err.count("\n"), "schema.json is damaged" in err, "cannot be written" in err) == (1, True, True)
    assert not (tmp_path / "page.html").exists()


def test_a_store_removes_runs_of_its_own_alone(store: LocalStore, tmp_path: Path) -> None:
    for uri in (store.root, f"{store.root}/versions/000001", str(tmp_path), f"{store.root}/runs/../versions"):
        with pytest.raises(ValueError, match="is no run of"):
            store.remove(uri)
    store.remove(f"{store.root}/runs/..")
    assert store.version_numbers() == [1, 2, 3]
