"""A job whose exports change while it reads them publishes nothing, names them and ends with exit code 6 (R4)."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bucket import handle, put
from support.runs import an_item, ingest, ndjson, worked

from pipelines.cli.main import main
from pipelines.config import JobStep, Source
from pipelines.ingest import export_changes
from pipelines.ingest.export_changes import review
from pipelines.ingest.find_exports import find_exports
from pipelines.runners import choose
from transforms.stages import write_rejections
from transforms.stages.elements import Export
from transforms.stages.exports import byte_ranges, read

pytestmark = pytest.mark.usefixtures("without_beam")  # exports change around the job, whoever does it
LINES = 3


def export_of(path: object) -> Export:
    (export,) = find_exports([JobStep((Source("items", f"{path}"),))])
    return export


def digests_of(export: Export) -> dict[int, dict[int, str]]:
    """What reading an export says of its bytes."""
    chunks = [chunk for load in byte_ranges([export]) for byte_range in load for chunk in read(byte_range)]
    return {export.number: {chunk.byte_range.start: chunk.digest.hex() for chunk in chunks if chunk.digest is not None}}


def append(path: Path) -> None:
    with path.open("a") as stream:
        stream.write("{}\n")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def write_over(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"i1", b"j1"))


def replace_by_a_file_of_the_same_size_and_times(path: Path) -> None:
    before = path.stat()
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes().replace(b"i1", b"j1"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


def write_over_and_set_the_time_back(path: Path) -> None:
    before = path.stat()
    write_over(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "grows": (append, "bytes and had"),
    "shrinks": (shrink, "bytes and had"),
    "is emptied": (lambda path: path.write_bytes(b"") and None, "has 0 bytes and had"),
    "goes away": (Path.unlink, "is not there any more"),
    "is written over": (write_over, "was written again"),
    "is replaced": (replace_by_a_file_of_the_same_size_and_times, "was replaced"),
    "is written over with its old time": (write_over_and_set_the_time_back, "was replaced"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = ndjson(tmp_path / "a.ndjson", [an_item(f"i{number}") for number in range(LINES)])
    os.utime(path, ns=(10**18, 10**18))
    return path


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=list(CHANGES))
def test_every_change_of_a_file_is_told(path: Path, change: Callable[[Path], None], said: str) -> None:
    export = export_of(path)
    digests = digests_of(export)
    change(path)
    found = review([export], digests)
    assert list(found.changes) == [str(path)]
    assert said in found.reason
    assert "Run the job again" in found.reason


def test_what_leaves_the_bytes_alone_is_no_change(path: Path) -> None:
    export = export_of(path)
    digests = digests_of(export)
    assert review([export], digests).changes == {}
    path.with_suffix(".link").hardlink_to(path)
    path.chmod(0o600)
    assert review([export], digests).changes == {}


def test_of_an_export_of_which_nothing_was_read_no_byte_is_different(path: Path) -> None:
    empty = ndjson(path.with_name("empty.ndjson"), [])
    exports = [export_of(path), export_of(empty)]
    for each in (path, empty):
        each.chmod(0o600)
    assert review(exports, {}).changes == {}


def test_of_many_exports_that_changed_the_first_are_named(tmp_path: Path) -> None:
    for number in range(5):
        ndjson(tmp_path / f"{number}.ndjson", [an_item("a")])
    exports = find_exports([JobStep((Source("items", f"{tmp_path}/*.ndjson"),))])
    assert [export.number for export in exports] == list(range(5))
    for export in exports:
        append(Path(export.uri))
    reason = review(exports, {}).reason
    assert reason.startswith(f"5 exports changed while the job read: {tmp_path}/0.ndjson has")
    assert "; and 2 more. " in reason


def test_a_file_that_is_not_the_planned_one_is_not_read(path: Path) -> None:
    export = export_of(path)
    append(path)
    ((byte_range,),) = byte_ranges([export])
    (chunk,) = read(byte_range)
    assert chunk.chunk is None
    assert chunk.unreadable is not None
    assert chunk.unreadable.message.startswith(f"expected the {export.size} bytes that were there when the job began")


def changing(monkeypatch: pytest.MonkeyPatch, *, before: Callable[[], object], after: Callable[[], object]) -> None:
    """Has something happen between planning and reading, and between reading and publishing."""
    run = choose.Runner.run

    def changed(self: choose.Runner, build: object) -> object:
        before()
        result = run(self, build)  # type: ignore[arg-type] # handed on
        after()
        return result

    monkeypatch.setattr(choose.Runner, "run", changed)


def nothing() -> None:
    """Happens."""


@pytest.mark.parametrize("early", [True, False], ids=["before it is read", "when it was read"])
def test_a_job_publishes_nothing_of_an_export_that_changed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, early: bool
) -> None:
    def change() -> None:
        shrink(path)

    changing(monkeypatch, before=change if early else nothing, after=nothing if early else change)
    ended = ingest(tmp_path / "dataset", "--items", f"{path}", "--allow-unreadable")
    assert (ended.exit_code, ended.outcome, ended.document["exit_code"]) == (6, "failed", 6)
    assert str(path) in ended.document["message"]
    assert not (tmp_path / "dataset/CURRENT").exists()
    assert (ended.folder / "report.json").exists()


def test_a_backfill_publishes_nothing_of_an_export_that_goes_away(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = tmp_path / "history.toml"
    history.write_text(f'[[job]]\nitems = "{path}"\n')
    changing(monkeypatch, before=path.unlink, after=nothing)
    ended = worked("backfill", tmp_path / "dataset", "--history", f"{history}")
    assert (ended.exit_code, ended.outcome) == (6, "failed")
    assert f"{path} is not there any more" in ended.document["message"]


def test_a_job_whose_workers_fail_over_an_export_that_changed_says_that(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failed(*_: object) -> None:
        path.unlink()
        raise RuntimeError("Traceback (most recent call last) ...")

    monkeypatch.setattr(choose.Runner, "run", failed)
    assert main(["ingest", "--dataset", f"{tmp_path}/dataset", "--items", f"{path}", "--quiet"]) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path} is not there any more" in line


def test_a_record_that_is_gone_when_it_is_to_be_rejected_is_one_line(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ndjson(path, [an_item("a"), an_item("a")])  # found to be a duplicate when all were read

    def gone(*_: object, **__: object) -> list[object]:
        path.unlink()
        return []

    monkeypatch.setattr(write_rejections, "read_again", gone)
    assert main(["ingest", "--dataset", f"{tmp_path}/dataset", "--items", f"{path}", "--quiet"]) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path} is not there any more" in line
    assert not (tmp_path / "dataset/CURRENT").exists()


def test_a_new_generation_of_an_object_is_a_change_and_new_metadata_is_none(bucket: str) -> None:
    uris = [put(f"{bucket}/in/{name}", b"{}\n") for name in ("a.ndjson", "b.ndjson", "c.ndjson")]
    exports = find_exports([JobStep((Source("items", f"{bucket}/in/*"),))])
    assert [export.uri for export in exports] == uris
    assert review(exports, {}).changes == {}
    assert None not in review(exports, {}).checksums.values()
    blob = handle(bucket).get_blob("in/a.ndjson")
    blob.metadata = {"seen": "yes"}
    blob.patch()
    put(uris[1], b"[]\n")
    handle(bucket).delete_blob("in/c.ndjson")
    assert dict(review(exports, {}).changes) == {uris[1]: "was written again", uris[2]: "is not there any more"}


@pytest.mark.parametrize("few", [0, 100], ids=["listed by folder", "one by one"])
def test_objects_are_looked_at_again_however_many_there_are(
    bucket: str, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    from pipelines.ingest import bucket_exports  # noqa: PLC0415 - it takes long to load

    monkeypatch.setattr(bucket_exports, "_FEW", few)
    names = ["in/a.ndjson", "in/ab.ndjson", "in/deep/a.ndjson", "top.ndjson"]
    uris = [put(f"{bucket}/{name}", b"{}\n") for name in names]
    put(f"{bucket}/in/another.ndjson", b"")
    found = bucket_exports.look([*uris, f"{bucket}/in/none.ndjson"])
    assert sorted(found) == sorted(uris)
    assert all(each.revision and each.checksum for each in found.values())


def test_the_second_look_is_at_all_exports_of_all_stores(path: Path, bucket: str) -> None:
    both = JobStep((Source("items", f"{path}"), Source("items", put(f"{bucket}/b.ndjson", b"{}\n"))))
    exports = find_exports([both])
    path.unlink()
    put(f"{bucket}/b.ndjson", b"{}\n{}\n")
    assert list(export_changes.review(exports, {}).changes) == [str(path), f"{bucket}/b.ndjson"]
