"""A dataset in a bucket is the one that a directory would hold, byte for byte (P1, P3, P4, P5, R1, R4)."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import google.auth
import pytest
from google.auth.exceptions import DefaultCredentialsError
from support import mixed_exports, update_exports
from support.bucket import handle, put
from support.runs import COMMAND, GROUPS, PRIVATE, an_item, digests, flags, ndjson

from pipelines.cli.main import main
from pipelines.dataset.store import bucket_place
from pipelines.dataset.versions import Dataset

pytestmark = pytest.mark.usefixtures("without_beam")  # jobs with flags for Beam run on it all the same
TWO_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
FIELDS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("speed", (1, 2.5, None)),
    ("weather", ("sun", "rain", True)),
    ("tags", ([], {"a": 1})),
)


def said(*words: object) -> tuple[int, bytes, str]:
    """Exit code, standard output and standard error of a command, run in this process."""
    printed = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(printed, "utf-8")) as out, redirect_stderr(io.StringIO()) as err:
        code = main([str(word) for word in words])
        out.flush()
        return code, printed.getvalue(), err.getvalue()


def job(command: str, dataset: object, *words: object) -> dict[str, Any]:
    """What `--json` printed of a job, without what differs from run to run."""
    code, out, err = said(command, "--dataset", dataset, "--json", *words)
    assert out, err
    document = dict(json.loads(out))
    assert document["exit_code"] == code
    return {key: value for key, value in document.items() if key not in ("seconds", "stages", "run", "runner")}


def fetched(uri: str, folder: Path) -> dict[str, str]:
    """Digests of the objects of a dataset by their path, but for those of runs; they are stored below a new folder."""
    place, _, prefix = uri.removeprefix("gs://").partition("/")
    for blob in handle(place).list_blobs(prefix=f"{prefix}/"):
        path = folder / blob.name.removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.download_as_bytes())
    return published(folder)


def published(directory: Path) -> dict[str, str]:
    """Digests of the files of a dataset by their path, but for those of runs."""
    return {name: digest for name, digest in digests(directory).items() if name.startswith(("CURRENT", "versions/"))}


def names(uri: str) -> list[str]:
    place, _, prefix = uri.removeprefix("gs://").partition("/")
    found = (blob.name.removeprefix(f"{prefix}/") for blob in handle(place).list_blobs(prefix=f"{prefix}/"))
    return [name for name in found if PRIVATE not in name.split("/")]


def an_export(folder: Path, *reference_ids: str) -> Path:
    return ndjson(folder / f"{'-'.join(reference_ids)}.ndjson", [an_item(each, {"n": 1}) for each in reference_ids])


@pytest.mark.slow
def test_every_job_leaves_in_a_bucket_what_it_leaves_in_a_directory(bucket: str, tmp_path: Path) -> None:
    there, here = f"{bucket}/datasets/mixed", tmp_path / "dataset"
    first = flags(mixed_exports.job(tmp_path / "first", seed=1, numbers=range(60)))
    update = flags(update_exports.small(tmp_path / "updates", "u", seed=1, fields=FIELDS))
    jobs = [
        [*first, "--partitions", "2"],
        ["--mode", "replace", "--on-conflict", "quarantine", *update],
        ["--mode", "merge", "--on-conflict", "quarantine", *update[:4]],
    ]
    for number, words in enumerate(jobs, 1):
        # Of the first job a second thing is seen: that the workers of the one in the bucket change nothing.
        workers = TWO_PROCESSES if number == 1 else ()
        expected, found = job("ingest", here, *words), job("ingest", there, *words, *workers)
        assert found == expected
        assert (found["outcome"], found["version"]) == ("published", number)
        assert fetched(there, tmp_path / f"fetched{number}") == published(here)
    assert job("ingest", there, *first)["outcome"] == "unchanged"
    kept = [name for name in names(there) if name.startswith("runs/")]
    assert {name.rpartition("/")[2].partition("-")[0] for name in kept} == {"report.json", "schema.json", "part"}

    looks = (["schema", "--format", "json"], ["show"], ["show", "2"], ["rejections", "--version", "1", "--raw"])
    for command, *words in looks:
        answer = said(command, there, *words)
        assert answer == said(command, here, *words)
        assert (answer[0], answer[1][:1]) != (0, b"")
    assert json.loads(said("rejections", there, "--version", "1", "--json")[1])["count"] > 30
    assert said("versions", there)[1].count(b"\n") == said("versions", here)[1].count(b"\n")

    for dataset in (there, here):
        expected_text = f"Published version 4 of {dataset}, which equals version 1.\n"
        assert said("rollback", dataset, 1)[:2] == (0, expected_text.encode())
    assert fetched(there, tmp_path / "rolled-back") == published(here)
    for dataset in (there, here):
        pruned = f"Removed versions of {dataset}: 1, 2. Kept: 3, 4.\n"
        code, out, _ = said("prune", dataset, "--keep", 2)
        assert (code, out.splitlines(keepends=True)[0]) == (0, pruned.encode())
    assert fetched(there, tmp_path / "pruned") == published(here)


LATE = """
import sys
from pipelines.cli.main import main
here, there, exports = sys.argv[1:]
assert main(["ingest", "--dataset", here, "--items", exports, "--quiet", "--partitions=1"]) == 0
assert "google.cloud.storage" not in sys.modules
assert main(["schema", here, "--format", "json"]) == 0
sys.exit(main(["ingest", "--dataset", there, "--items", exports, "--quiet", "--partitions=1"]))
"""


def test_the_library_of_buckets_is_for_those_who_name_one(bucket: str, tmp_path: Path) -> None:
    words = [tmp_path / "here", f"{bucket}/there", an_export(tmp_path, "a", "b")]
    done = subprocess.run([sys.executable, "-c", LATE, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert fetched(f"{bucket}/there", tmp_path / "fetched") == published(tmp_path / "here")
    named = [*COMMAND, "ingest", "--dataset", str(tmp_path / "here"), "--items", f"{bucket}/none*"]
    done = subprocess.run(named, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{bucket}/none*: no such file, and no file matches it" in done.stderr, "the bucket was looked into"


@pytest.mark.long
def test_a_backfill_in_a_bucket_gives_the_bytes_of_the_jobs_one_by_one(bucket: str, tmp_path: Path) -> None:
    exports = [update_exports.small(tmp_path, f"u{seed}", seed=seed, fields=FIELDS) for seed in (1, 2)]
    history = tmp_path / "history.toml"
    history.write_text(
        "".join(
            f'[[job]]\nmode = "replace"\nitems = "{items[2]}"\nscenes = "{scenes[2]}"\n'
            f'annotations = "{annotations[2]}"\n'
            for items, scenes, annotations, _ in exports
        )
    )
    there, here = f"{bucket}/backfilled", tmp_path / "dataset"
    for each in exports:
        assert job("ingest", there, "--mode", "replace", *flags(each[:3]))["outcome"] == "published"
    assert job("backfill", there, "--history", history)["outcome"] == "unchanged"
    assert job("backfill", f"{bucket}/new", "--history", history) == job("backfill", here, "--history", history)
    made = fetched(f"{bucket}/new", tmp_path / "new")
    assert made == published(here)
    second = fetched(there, tmp_path / "there")
    rows = {name: digest for name, digest in made.items() if name.split("/")[2:3] and name.split("/")[2] in GROUPS}
    assert rows == {
        f"versions/000001/{name.split('/', 2)[2]}": second[f"versions/000002/{name.split('/', 2)[2]}"] for name in rows
    }


def test_a_job_that_fails_leaves_its_rejections_and_its_report_alone(bucket: str, tmp_path: Path) -> None:
    dataset = f"{bucket}/dataset"
    export = ndjson(tmp_path / "items.ndjson", [an_item("good"), {"metadata": {"é": 1}}])
    code, out, _ = said("ingest", "--dataset", dataset, "--json", "--items", export, "--max-rejected", "0")
    run = json.loads(out)["run"]
    assert code == 4
    assert said("rejections", dataset, "--run", run, "--raw")[1] == export.read_bytes().splitlines(keepends=True)[1]
    left = names(dataset)
    assert left[1:] == [f"runs/{run}/report.json", f"runs/{run}/schema.json"]
    assert left[0].startswith(f"runs/{run}/rejections/part-")
    assert job("ingest", dataset, "--items", export)["version"] == 1
    assert set(left) < set(names(dataset))


def test_a_folder_may_have_any_name(bucket: str, tmp_path: Path) -> None:
    name = "with space/ha#sh?x=1&y+z/per%2Fcent%/ünï/\N{GRINNING FACE}//b"
    dataset, export = f"{bucket}/{name}", an_export(tmp_path, "one")
    put(f"{bucket}/{name}s/CURRENT", b"of another dataset")
    assert job("ingest", f"{dataset}/", "--items", export)["outcome"] == "published"
    assert job("ingest", dataset, "--items", export, "--items", an_export(tmp_path, "two"))["version"] == 2
    assert job("ingest", dataset, "--items", export)["outcome"] == "unchanged"
    assert said("prune", dataset, "--keep", "1")[0] == 0
    assert {each.split("/")[1] for each in names(dataset) if each != "CURRENT"} == {"000002"}
    assert handle(bucket).blob(f"{name}s/CURRENT").exists()


@pytest.mark.parametrize(
    ("dataset", "named"),
    [
        ("gs://test-no-such-bucket/dataset", "no such bucket"),
        ("gs://", "expects gs://BUCKET/FOLDER"),
        ("gs:///folder", "expects gs://BUCKET/FOLDER"),
        ("{bucket}", "expects gs://BUCKET/FOLDER"),
        ("{bucket}/", "expects gs://BUCKET/FOLDER"),
        ("{bucket}/other", "has objects but is no dataset"),
        ("{bucket}/other/folder", "has objects but is no dataset"),
        ("s3://bucket/folder", "expects a directory or gs://BUCKET/FOLDER"),
    ],
)
def test_what_can_be_no_dataset_is_one_line(bucket: str, tmp_path: Path, dataset: str, named: str) -> None:
    put(f"{bucket}/other/folder/object.txt", b"something else")
    uri, export = dataset.format(bucket=bucket), an_export(tmp_path, "one")
    uses = [["schema", uri], ["versions", uri], ["show", uri], ["rollback", uri, "1"], ["prune", uri, "--keep", "1"]]
    for words in (["ingest", "--dataset", uri, "--items", str(export)], ["rejections", uri], *uses):
        code, out, err = said(*words)
        assert (code, out, err.count("\n")) == (2, b"", 1), err
        assert named in err
    assert [blob.name for blob in handle(bucket).list_blobs()] == ["other/folder/object.txt"]


def test_datasets_of_a_process_share_their_connections(bucket: str) -> None:
    def sockets() -> int:
        links = (each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
        return sum("socket" in f"{link}" for link in links)

    Dataset.at(f"{bucket}/0").store.version_numbers()
    before = sockets()
    for number in range(1, 9):
        assert Dataset.at(f"{bucket}/{number}").store.version_numbers() == []
    assert sockets() <= before


def test_an_empty_folder_is_no_dataset_yet(bucket: str) -> None:
    put(f"{bucket}/empty/", b"")  # as a console makes folders
    code, _, err = said("versions", f"{bucket}/empty")
    assert (code, err.count("\n")) == (2, 1)
    assert "nothing is published there" in err


def test_an_emulator_takes_no_credentials_and_none_are_looked_for(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket_place.client.cache_clear()

    def default(*_: object, **__: object) -> None:
        pytest.fail("credentials are looked for")

    monkeypatch.setattr(google.auth, "default", default)
    assert job("ingest", f"{bucket}/dataset", "--items", an_export(tmp_path, "one"))["version"] == 1


def test_missing_credentials_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def default(*_: object, **__: object) -> None:
        raise DefaultCredentialsError("none are set up")

    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(google.auth, "default", default)
    code, _, err = said("ingest", "--dataset", "gs://bucket/folder", "--items", an_export(tmp_path, "one"))
    assert (code, err.count("\n")) == (2, 1)
    assert "no credentials for Google Cloud Storage: none are set up" in err
