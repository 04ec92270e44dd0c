"""Jobs that nobody waits for publish by their last step, once, or say why not (P1, P2, R4)."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.detached_jobs import ENGINE, Engine, report, runs, said, stored, submitted, versions
from support.profiles import cases
from support.runs import an_item, ndjson

from pipelines.cli.main import main
from pipelines.dataset.documents.paths import CURRENT
from pipelines.dataset.store.folders import Folder
from pipelines.dataset.store.local_runs import PLACED, STAGED
from pipelines.dataset.versions import Dataset
from pipelines.errors import RunLostError
from pipelines.ingest.outcome import Outcome
from pipelines.ingest.publish import finish_run
from pipelines.ingest.publish_step import AlreadyFinishedError, NothingPublishedError, finish_detached_run

pytestmark = pytest.mark.usefixtures("without_beam")  # the step that publishes is looked at
PARTS = ("--partitions", "2")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(monkeypatch)


@pytest.fixture(params=["directory", pytest.param("bucket", marks=pytest.mark.long)])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "bucket":
        yield f"{request.getfixturevalue('bucket')}/dataset"
    else:
        yield str(tmp_path / "dataset")


def an_export(folder: Path, *reference_ids: str, value: object = 1) -> Path:
    return ndjson(folder / f"{'-'.join(reference_ids)}.ndjson", [an_item(each, {"n": value}) for each in reference_ids])


def ingested(dataset: object, *words: object) -> int:
    return main([str(word) for word in ("ingest", "--dataset", dataset, "--quiet", *words)])


@pytest.mark.parametrize("dataset", ["directory", "bucket"], indirect=True)
def test_a_detached_job_publishes_the_bytes_of_one_that_is_waited_for(
    dataset: str, engine: Engine, tmp_path: Path
) -> None:
    first, second = an_export(tmp_path, "a", "b"), an_export(tmp_path, "b", "c", value=2)
    here, begun = tmp_path / "here", list[str]()
    for number, words in enumerate(((*PARTS, "--items", first), ("--mode", "replace", "--items", second)), start=1):
        run = submitted(dataset, *words)
        begun.append(f"{run}/report.json")
        before = versions(dataset)
        assert before == (versions(str(here)) if number == 2 else {}), "nothing is published by who hands it over"
        if dataset.startswith("gs://"):  # tests/bucket/test_flex_template.py has one there on Beam
            engine.run()
        else:
            engine.run_on_beam()
        assert ingested(here, *words) == 0
        assert versions(dataset) == versions(str(here))
        assert runs(dataset) == sorted(begun), "all else of the run has gone"
        ended = report(dataset, run)
        assert (ended["outcome"], ended["exit_code"], ended["version"]) == ("published", 0, number)
        assert ended["groups"]["items"]["read"] == 2


def test_a_publishing_step_that_is_called_again_has_nothing_to_do(dataset: str, engine: Engine, tmp_path: Path) -> None:
    run = submitted(dataset, *PARTS, "--items", an_export(tmp_path, "a"))
    engine.run()
    after = stored(dataset)
    step = engine.publish_step()
    step.process(None)
    step.process(None)
    assert stored(dataset) == after
    assert Dataset.at(dataset).published().number == 1
    assert report(dataset, run)["outcome"] == "published"


def test_a_try_that_dies_after_it_has_published_is_told_from_one_of_another_job(
    dataset: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submitted(dataset, *PARTS, "--items", an_export(tmp_path, "a"))

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.ingest.publish_step.document_text", die)  # what it needs first when it has published
        with pytest.raises(RuntimeError, match="killed"):
            engine.run()
    assert f"{run}/report.json" not in runs(dataset)
    published = versions(dataset)
    assert json.loads(published["CURRENT"])["version"] == 1
    engine.publish_step().process(None)
    assert versions(dataset) == published
    ended = report(dataset, run)
    assert (ended["outcome"], ended["exit_code"], ended["version"]) == ("published", 0, 1)
    assert runs(dataset) == [f"{run}/report.json"]


MOMENTS: dict[str, tuple[type, str, str, int]] = {
    "files are placed": (Path, "hardlink_to", "", 3),
    "the manifest is recorded": (Folder, "write", "000001.json", 0),
    "the version is moved to its place": (Folder, "move", STAGED, 0),
    "the pointer is made ready": (Folder, "write", CURRENT, 0),
    "it says that it is about to publish": (Folder, "write", PLACED, 0),
    "the pointer is replaced": (Folder, "move", CURRENT, 0),
}
"""What is called then: the method of a class, its first argument where that decides, and which of the calls it is."""


@pytest.mark.parametrize("moment", cases(MOMENTS, ["files are placed", "the pointer is replaced"]))
def test_a_try_that_dies_while_it_publishes_in_a_directory_is_made_up_for(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    dataset, here, export = str(tmp_path / "dataset"), str(tmp_path / "here"), an_export(tmp_path, "a")
    run = submitted(dataset, *PARTS, "--items", export)
    owner, method, name, number = MOMENTS[moment]
    real, calls = getattr(owner, method), iter(range(1000))

    def die(self: object, first: object, *arguments: object, **options: object) -> object:
        if name in ("", first) and next(calls) == number:
            raise RuntimeError("killed")
        return real(self, first, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(owner, method, die)
        with pytest.raises(RuntimeError, match="killed"):
            engine.run()
    assert "CURRENT" not in versions(dataset)
    Dataset.at(dataset).store.sweep()  # as another job does meanwhile
    engine.publish_step().process(None)
    assert ingested(here, *PARTS, "--items", export) == 0
    assert versions(dataset) == versions(here)
    assert runs(dataset) == [f"{run}/report.json"]


@pytest.mark.parametrize("dataset", ["directory", "bucket"], indirect=True)
def test_two_tries_at_once_publish_once(dataset: str, engine: Engine, tmp_path: Path) -> None:
    run = submitted(dataset, *PARTS, "--items", an_export(tmp_path, "a"))
    step = engine.publish_step()
    results = _results_of(engine, dataset, run)
    assert results
    with ThreadPoolExecutor(3) as pool:
        tries = [pool.submit(finish_detached_run, step._context, run) for _ in range(3)]
    ended = [each.result() for each in tries if each.exception() is None]
    assert ended
    # A try from under which another one has cleared up fails, and is made again by the engine.
    failed = [error for each in tries if (error := each.exception()) is not None]
    assert all(isinstance(error, RunLostError | OSError) for error in failed), failed
    assert {(each["outcome"], each["version"]) for each in ended} == {("published", 1)}
    step.process(None)
    assert runs(dataset) == [f"{run}/report.json"]
    assert report(dataset, run)["outcome"] == "published"


def test_an_attempt_that_finds_the_run_finished_meanwhile_returns_the_report_of_the_other(
    dataset: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submitted(dataset, *PARTS, "--items", an_export(tmp_path, "a"))
    step = engine.publish_step()
    assert _results_of(engine, dataset, run)
    others = []

    def slow(*words: object, **named: object) -> Outcome:
        with monkeypatch.context() as patched:
            patched.setattr("pipelines.ingest.publish_step.finish_run", finish_run)
            others.append(finish_detached_run(step._context, run))
        return finish_run(*words, **named)

    monkeypatch.setattr("pipelines.ingest.publish_step.finish_run", slow)
    assert finish_detached_run(step._context, run) == others[0]
    assert (others[0]["outcome"], others[0]["version"]) == ("published", 1)
    assert runs(dataset) == [f"{run}/report.json"]


def _results_of(engine: Engine, dataset: str, run: str) -> list[str]:
    """Runs all steps but the last; returns what the run has written."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "pipelines.ingest.publish_step.finish_detached_run",
            lambda *_: {"exit_code": 0, "outcome": "", "version": 0},
        )
        engine.run()
    return [name for name in runs(dataset) if name == f"{run}/results.json"]


def test_a_refused_gate_fails_the_job_and_leaves_its_report(dataset: str, engine: Engine, tmp_path: Path) -> None:
    export = ndjson(tmp_path / "items.ndjson", [an_item("good"), {"metadata": {"a": 1}}])
    run = submitted(dataset, *PARTS, "--items", export, "--max-rejected", "0")
    with pytest.raises(Exception, match="nothing was published, exit code 4: 1 of 2 records are rejected"):
        engine.run()
    ended = report(dataset, run)
    assert (ended["outcome"], ended["exit_code"], ended["version"]) == ("failed", 4, None)
    left = runs(dataset)
    assert {name.split("/")[1] for name in left} == {"report.json", "schema.json", "rejections"}
    for _ in range(3):  # as an engine tries again
        with pytest.raises(NothingPublishedError, match=f"exit code 4.*runs/{run}/report.json"):
            engine.publish_step().process(None)
    assert runs(dataset) == left
    assert main(["rejections", dataset, "--run", run, "--raw"]) == 0
    Dataset.at(dataset).store.sweep()
    assert runs(dataset) == left
    assert versions(dataset) == {}


def test_a_type_conflict_and_a_job_that_changes_nothing_are_said_in_the_report(
    dataset: str, engine: Engine, tmp_path: Path
) -> None:
    first, other = an_export(tmp_path, "a"), an_export(tmp_path, "b", value="north")
    assert ingested(dataset, *PARTS, "--items", first) == 0
    published = versions(dataset)
    run = submitted(dataset, "--items", other)
    with pytest.raises(Exception, match="exit code 3: type conflicts in 1 field"):
        engine.run()
    assert [each["field"] for each in report(dataset, run)["conflicts"]] == ["n"]
    run = submitted(dataset, "--items", first)
    engine.run()
    assert (report(dataset, run)["outcome"], report(dataset, run)["version"]) == ("unchanged", 1)
    assert versions(dataset) == published


def test_a_job_that_is_overtaken_says_exit_code_5_and_is_not_tried_for_ever(
    dataset: str, engine: Engine, tmp_path: Path
) -> None:
    run = submitted(dataset, *PARTS, "--items", an_export(tmp_path, "a"))
    assert ingested(dataset, *PARTS, "--items", an_export(tmp_path, "b")) == 0
    published = versions(dataset)
    with pytest.raises(Exception, match="exit code 5: another job published a version"):
        engine.run()
    for _ in range(3):
        with pytest.raises(NothingPublishedError, match="exit code 5"):
            engine.publish_step().process(None)
    assert report(dataset, run)["exit_code"] == 5
    assert versions(dataset) == published


def test_a_graph_that_is_launched_twice_is_refused_unless_it_finds_the_same(
    dataset: str, engine: Engine, tmp_path: Path
) -> None:
    export = an_export(tmp_path, "a")
    run = submitted(dataset, *PARTS, "--items", export)
    engine.run()
    after = stored(dataset)
    engine.run()
    assert stored(dataset) == after, "the same exports: there is nothing to do"
    export.write_text(export.read_text("utf-8").replace('"n": 1', '"n": 2'), "utf-8")
    with pytest.raises(Exception, match=f"the run {run} was finished before .*Build the graph again"):
        engine.run()
    with pytest.raises(AlreadyFinishedError):
        _ = _results_of(engine, dataset, run) and finish_detached_run(engine.publish_step()._context, run)
    assert stored(dataset) == after


def test_the_rejections_of_a_run_that_published_are_those_of_its_version(
    dataset: str, engine: Engine, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    export = ndjson(tmp_path / "items.ndjson", [an_item("good"), {"metadata": {"a": 1}}])
    run = submitted(dataset, *PARTS, "--items", export)
    engine.run()
    assert main(["rejections", dataset, "--run", run, "--raw"]) == 0
    assert capsysbinary.readouterr().out == export.read_bytes().splitlines(keepends=True)[1]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--detach"], "--detach: the job would end with this process"),
        (["--detach", "--", "--runner=DirectRunner"], "--detach: the job would end with this process"),
        (["--detach", "--", "--runner=PrismRunner"], "--detach: the job would end with this process"),
        (["--detach", "--", "--runner=PortableRunner", "--job_endpoint=embed"], "the job would end with this process"),
        (["--detach", "--dry-run", *ENGINE], "--dry-run: a detached job or a template would not show its outcome"),
        (["--detach", "--report", "page.html", *ENGINE], "--report: a detached job or a template writes no page"),
        (["--", "--template_location=gs://b/t"], "--template_location is for --runner=DataflowRunner alone"),
        ([*ENGINE, "--template_location=gs://b/t"], "--template_location is for --runner=DataflowRunner alone"),
        (
            ["--dry-run", "--", "--runner=DataflowRunner", "--template_location=gs://b/t"],
            "--dry-run: a detached job or a template would not show",
        ),
    ],
)
def test_what_cannot_be_detached_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], named: str
) -> None:
    dataset, export = tmp_path / "dataset", an_export(tmp_path, "a")
    assert main(["ingest", "--dataset", str(dataset), "--items", str(export), *words]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not dataset.exists()


def test_an_engine_that_does_not_take_the_job_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, export = tmp_path / "dataset", an_export(tmp_path, "a")
    words = ["--detach", *ENGINE, "--job_server_timeout=1"]
    assert main(["ingest", "--dataset", str(dataset), "--items", str(export), *words]) == 1
    assert "PortableRunner did not accept the job: no answer; nothing was published" in capsys.readouterr().err
    assert stored(str(dataset)) == {}


def test_a_job_file_may_detach(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset, export = tmp_path / "dataset", an_export(tmp_path, "a")
    file = tmp_path / "job.toml"
    flags = ", ".join(f'"{flag}"' for flag in ENGINE[1:])
    file.write_text(f'dataset = "{dataset}"\nitems = "{export}"\ndetach = true\nrunner_flags = [{flags}]\n')
    assert main(["ingest", "--config", str(file)]) == 0
    (run,) = (path.name for path in (dataset / "runs").iterdir())
    out = capsys.readouterr().out
    assert f"PortableRunner has the job of the run {run}, which publishes by itself.\n" in out
    assert f"{dataset}/runs/{run}/report.json" in out
    engine.run()
    assert said("schema", dataset, "--format", "json")[1]["version"] == 1
