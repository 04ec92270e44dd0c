"""The command as a user meets it: usage errors, what is printed where, exit codes, the schema (RULES R4, P4, T6)."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import fastavro
import pytest
from _pytest.capture import CaptureResult
from support.runs import GROUPS, Ended, an_item, command, files, ingest, ndjson

from pipelines.cli.main import main

pytestmark = pytest.mark.usefixtures("without_beam")  # what is printed is looked at, not who does the job


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return ndjson(tmp_path / "items.ndjson", [an_item("a", {"speed": 1, "x y": True}), an_item("b", {"speed": 2})])


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("published")
    path = ndjson(folder / "items.ndjson", [an_item("a", {"speed": 1, "x y": True}), an_item("b", {"speed": 2.5})])
    return ingest(folder / "d", "--items", str(path))


WRONG = {
    "missing file": (["--items", "{tmp}/nothing.ndjson"], "nothing.ndjson"),
    "glob without match": (["--items", "{tmp}/*.avro"], "*.avro"),
    "unknown flag": (["--items", "{export}", "--colour", "red"], "--colour"),
    "abbreviated flag": (["--items", "{export}", "--dry"], "--dry"),
    "predictions without a run": (["--predictions", "{export}"], "RUN=GLOB"),
    "predictions with an empty run": (["--predictions", "={export}"], "RUN=GLOB"),
    "gate that is no number": (["--items", "{export}", "--max-rejected", "few"], "--max-rejected"),
    "negative gate": (["--items", "{export}", "--max-rejected=-1"], "--max-rejected"),
    "gate above 100%": (["--items", "{export}", "--max-rejected", "101%"], "--max-rejected"),
    "half a record": (["--items", "{export}", "--max-rejected", "1.5"], "--max-rejected"),
    "unknown policy": (["--items", "{export}", "--on-duplicate", "guess"], "--on-duplicate"),
    "no partitions": (["--items", "{export}", "--partitions", "0"], "--partitions"),
    "date without a job file": (["--items", "{export}", "--date", "2026-11-30"], "--config"),
    "no exports": ([], "--items"),
    "empty path": (["--items", ""], "--items"),
}


@pytest.mark.parametrize(("flags", "named"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_line_and_leaves_nothing(
    flags: list[str], named: str, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(files(tmp_path))
    given = [flag.format(tmp=tmp_path, export=export) for flag in flags]
    assert main(["ingest", "--dataset", str(tmp_path / "d"), *given]) == 2
    check_usage(capsys.readouterr(), named)
    assert dict(files(tmp_path)) == before


def test_a_dataset_keeps_its_number_of_partitions(export: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "d"
    job = ["ingest", "--dataset", str(dataset), "--items", str(export), "--quiet", "--partitions"]
    assert main([*job, "2"]) == 0
    assert main([*job, "3", "--mode", "replace"]) == 0
    history = tmp_path / "history.toml"
    history.write_text(f"[[job]]\nitems = '{export}'\n")
    assert main(["backfill", "--dataset", str(dataset), "--history", str(history), "--partitions=3", "--quiet"]) == 0
    assert {path.name[-8:] for path in dataset.glob("versions/*/items/*.avro")} == {"002.avro"}


@pytest.mark.parametrize(
    ("flag", "of_the_job"),
    [
        (["--on-duplicate", "last"], "on_duplicate = 'reject'"),
        (["--strict"], "strict = false"),
        (["--map", "manifest"], "map = 'manifest'"),
    ],
)
def test_an_option_that_all_jobs_of_a_history_have_themselves_is_wrong_usage(
    flag: list[str], of_the_job: str, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "history.toml"
    history.write_text(f"[[job]]\nitems = '{export}'\n{of_the_job}\n")
    assert main(["backfill", "--dataset", str(tmp_path / "d"), "--history", str(history), *flag]) == 2
    check_usage(capsys.readouterr(), f"{flag[0]}: all that it would be for have one of their own")


def check_usage(printed: "CaptureResult[str]", named: str) -> None:
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("metadata-etl: ")
    assert named in printed.err
    assert "Traceback" not in printed.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["destroy"], "destroy"),
        (["ingest"], "--dataset"),
        (["schema"], "DATASET"),
        (["schema", ""], "expects a directory, got nothing"),
        (["query", "", "metadata.a = 1"], "expects a directory, got nothing"),
        (["export", "", "--out", "o"], "expects a directory, got nothing"),
        (["schema", "/nowhere", "--", "--runner=X"], "--runner=X"),
        (["schema", "--input", "items", "--group", "scenes"], "leave --group scenes out"),
        (["schema", "--input", "items", "--format", "avro"], "leave --format avro out"),
        (["schema", "--input", "items", "--version", "1"], "--version goes with a DATASET"),
        (["explore", "d", "--images", "off", "--images-root", "."], "leave one of the two out"),
    ],
)
def test_wrong_command_is_one_line(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    check_usage(capsys.readouterr(), named)


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        (["ingset"], "did you mean ingest?"),
        (["ingest", "--datset", "d"], "did you mean --dataset?"),
        (["prune", "d", "--kep", "3"], "did you mean --keep?"),
        (["ingest", "-dataset", "d"], "did you mean --dataset?"),
        (["ingest", "--mode", "apend"], "did you mean append?"),
        (["rejections", "d", "--code", "missing_urls"], "did you mean missing_url?"),
        (["--verson"], "did you mean --version?"),
    ],
)
def test_a_mistyped_word_is_asked_about(
    arguments: list[str], question: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    check_usage(capsys.readouterr(), question)


@pytest.mark.parametrize(
    "arguments",
    [
        ["schema", "/nowhere"],
        ["query", "/nowhere", "metadata.a = 1"],
        ["query", "/nowhere", "metadata.a = 1", "--format", "csv"],
        ["suggest", "/nowhere", "a"],
        ["report", "/nowhere"],
        ["versions", "/nowhere"],
        ["show", "/nowhere"],
        ["rollback", "/nowhere", "1"],
        ["prune", "/nowhere", "--keep", "1"],
        ["rejections", "/nowhere"],
        ["rejections", "/nowhere", "--raw"],
        ["rejections", "/nowhere", "--group", "items", "--run-name", "v1"],
        ["rollback", "/nowhere"],
        ["schema", "--wrong"],
        ["nonsense"],
        [],
    ],
)
def test_with_json_an_error_is_one_object(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.err == ""
    document = json.loads(printed.out)
    assert document.keys() == {"exit_code", "message"}
    assert (document["exit_code"], bool(document["message"])) == (2, True)


@pytest.mark.parametrize("arguments", [["--items", "/nowhere"], [], ["--wrong"], ["--mode", "apend"]])
@pytest.mark.parametrize("job", ["ingest", "backfill"])
def test_with_json_a_job_that_cannot_begin_gives_the_object_of_jobs(
    job: str, arguments: list[str], tmp_path: Path, published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([job, "--dataset", str(tmp_path / "d"), *arguments, "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.err == ""
    document = json.loads(printed.out)
    assert document.keys() == published.document.keys()
    assert (document["outcome"], document["exit_code"], document["version"]) == ("failed", 2, None)
    assert list(document["groups"]) == list(GROUPS)
    assert document["message"]


def test_a_job_file_may_ask_for_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.toml").write_text("json = true")
    assert main(["ingest", "--config", str(tmp_path / "job.toml")]) == 2
    assert "--dataset is needed" in json.loads(capsys.readouterr().out)["message"]


LOOKS: dict[str, tuple[list[str], set[str]]] = {
    "schema": ([], {"format", "version", "groups"}),
    "schema in a language": (["--format", "bigquery", "--group", "items"], {"format", "version", "groups"}),
    "query": (["metadata.speed > 1"], {"version", "group", "count", "records"}),
    "query for a number": (["metadata.speed > 1", "--count"], {"version", "group", "count"}),
    "suggest": (["sp"], {"suggestions", "note"}),
    "versions": ([], {"versions"}),
    "show": ([], {"version", "parent", "groups", "cache_keys"}),
    "rollback": (["1"], {"outcome", "version", "equals"}),
    "prune": (["--keep", "9"], {"removed", "kept", "open_rejections"}),
    "rejections": ([], {"count", "rejections", "conflicts"}),
    "rejections that are open": (["--open"], {"count", "rejections", "conflicts"}),
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_command_prints_one_object_with_json(
    look: str, published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, members = LOOKS[look]
    assert main([look.partition(" ")[0], str(published.dataset), *arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert (printed.err, printed.out.count("\n")) == ("", 1)
    document = json.loads(printed.out)
    assert members <= document.keys()
    if look == "query":
        assert [each["reference_id"] for each in document["records"]] == ["b"]
        assert document["count"] == 1


@pytest.mark.parametrize(
    ("given", "code", "shows"),
    [([], 3, "Type conflicts"), (["--on-conflict", "null", "--max-rejected", "0"], 4, "invalid_reference_id")],
)
def test_a_failed_job_names_the_command_that_shows_why(
    given: list[str], code: int, shows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = ndjson(tmp_path / "mixed.ndjson", [an_item("a", {"v": 1}), an_item("b", {"v": "x"}), {}])
    assert main(["ingest", "--dataset", str(tmp_path / "my data"), "--items", str(mixed), *given]) == code
    (named,) = re.findall(r"`(metadata-etl rejections [^`]*)`", capsys.readouterr().err)
    assert main(["versions", str(tmp_path / "my data")]) == 2
    assert f"nothing is published there yet; `{named}` shows" in capsys.readouterr().err
    assert main(shlex.split(named)[1:]) == 0
    assert shows in capsys.readouterr().out


def test_place_that_is_no_dataset_is_left_alone(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, broken_manifest = tmp_path / "broken", tmp_path / "broken-manifest"
    for folder, pointer in (
        (broken, "{"),
        (broken_manifest, '{"version": 1, "manifest": "versions/000001/manifest.json"}'),
    ):
        folder.mkdir()
        (folder / "CURRENT").write_text(pointer)
    before = {name: path.read_bytes() for name, path in files(tmp_path)}
    for place, named in (
        (export, "a directory"),
        (tmp_path, "no dataset"),
        (broken, "CURRENT"),
        (broken_manifest, "CURRENT"),
    ):
        assert main(["ingest", "--dataset", str(place), "--items", str(export)]) == 2
        check_usage(capsys.readouterr(), named)
    assert {name: path.read_bytes() for name, path in files(tmp_path)} == before


def test_schema_of_what_is_no_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for place in ("empty", "nowhere"):
        assert main(["schema", str(tmp_path / place)]) == 2
        check_usage(capsys.readouterr(), place)
    assert not (tmp_path / "nowhere").exists()


def test_json_is_one_object_and_nothing_else(export: Path, tmp_path: Path) -> None:
    ended = command("ingest", "--dataset", str(tmp_path / "d"), "--items", str(export), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1
    document = json.loads(ended.stdout)
    assert {"outcome", "exit_code", "version", "run", "groups", "conflicts", "cache_keys", "warnings", "seconds"} <= (
        document.keys()
    )
    assert list(document["groups"]) == list(GROUPS)
    again = ingest(tmp_path / "d", "--items", str(export))
    assert (again.outcome, again.document["version"]) == ("unchanged", 1)
    assert not (tmp_path / "d/runs").exists()


def test_quiet_says_nothing_and_a_person_gets_a_summary(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", "--dataset", str(tmp_path / "d"), "--items", str(export), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["ingest", "--dataset", str(tmp_path / "e"), "--items", str(export)]) == 0
    printed = capsys.readouterr().out
    assert "Published version 1" in printed
    assert "2 images to upload" in printed.replace("\n", " ")


def test_a_job_may_have_nowhere_to_say_anything(export: Path, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "ingest",
        "--dataset",
        tmp_path / "d",
        "--items",
        export,
        "--quiet",
    ]
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&-', "sh", *map(str, words)], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_dry_run_leaves_nothing(export: Path, tmp_path: Path) -> None:
    run = ingest(tmp_path / "d", "--items", str(export), "--dry-run")
    assert (run.exit_code, run.outcome, run.document["groups"]["items"]["created"]) == (0, "dry_run", 2)
    assert not (tmp_path / "d").exists()


def test_conflict_ends_with_3_and_tells_a_person_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [an_item(f"i{n}", {"speed": n}) for n in range(5)] + [an_item("odd", {"speed": "[fast]"})]
    path = ndjson(tmp_path / "items.ndjson", records)
    assert main(["ingest", "--dataset", str(tmp_path / "d"), "--items", str(path), "--quiet"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    for words in ("speed", "5 number", "1 string", "[fast]", "odd", "line 6", "report.json"):
        assert words in printed.err.replace("\n", "") or words in printed.err
    (report,) = (tmp_path / "d").glob("runs/*/report.json")
    (conflict,) = json.loads(report.read_text())["conflicts"]
    assert conflict["kinds"] == {"number": 5, "string": 1}
    assert (conflict["examples"][0]["line"], conflict["examples"][0]["reference_id"]) == (6, "odd")
    schema = json.loads((report.parent / "schema.json").read_text())
    assert schema["groups"]["items"]["fields"]["speed"]["type"] == "conflict"
    assert not (tmp_path / "d/CURRENT").exists()


@pytest.mark.parametrize(("gate", "code"), [("1", 4), ("49%", 4), ("2", 0), ("50%", 0), ("0", 4)])
def test_gate_on_rejections(gate: str, code: int, tmp_path: Path) -> None:
    records = [an_item("a"), an_item("b"), {"reference_id": "c"}, {}]
    path = ndjson(tmp_path / "items.ndjson", records)
    run = ingest(tmp_path / "d", "--items", str(path), "--max-rejected", gate)
    assert (run.exit_code, run.outcome) == (code, "failed" if code else "published")
    assert (tmp_path / "d/CURRENT").exists() == (code == 0)
    assert [each["code"] for each in run.rejections] == ["missing_url", "invalid_reference_id"]


def test_unreadable_export_ends_with_6_unless_allowed(export: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.bin"
    odd.write_bytes("\ufeff{}".encode("utf-16-le"))
    arguments = ("--items", str(export), "--items", str(odd))
    run = ingest(tmp_path / "d", *arguments)
    assert (run.exit_code, [each["code"] for each in run.rejections]) == (6, ["unreadable_export"])
    assert "UTF-16" in run.rejections[0]["message"]
    assert ingest(tmp_path / "d", *arguments, "--allow-unreadable").outcome == "published"


def test_help_does_not_load_beam() -> None:
    code = (
        "import sys\nfrom pipelines.cli.main import main\n"
        "try:\n    main(['ingest', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'apache_beam', 'polars', 'numpy', 'fastavro'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--on-duplicate" in ended.stdout


@pytest.mark.parametrize(("given", "used"), [(None, "system"), ("mimalloc", "mimalloc")])
def test_arrow_allocates_as_the_system_does_unless_told_otherwise(given: str | None, used: str) -> None:
    code = (
        "from pipelines.cli.main import main\n"
        "try:\n    main(['ingest', '--help'])\nexcept SystemExit:\n    pass\n"
        "import pyarrow\n"
        "print(pyarrow.default_memory_pool().backend_name)"
    )
    variable = "ARROW_DEFAULT_MEMORY_POOL"
    environment = {name: value for name, value in os.environ.items() if name != variable}
    if given is not None:
        environment[variable] = given
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert ended.stdout.split()[-1] == used


_LIGHT = (["versions"], ["show"], ["schema"], ["rejections"], ["suggest", "sp"])
_BY_COLUMNS = (["query", "metadata.speed > 1"], ["query", "metadata.speed > 1", "--count"])
_TELLS = """
import sys
from pipelines.cli.main import main
light, by_columns, exports = eval(sys.argv[1])
for command in light:
    assert main(command) == 0, command
heavy = {"apache_beam", "polars", "numpy", "pyarrow", "fastavro", "lark", "asyncio", "jmespath"} & sys.modules.keys()
assert not heavy, heavy
for command in by_columns:
    assert main(command) == 0, command
heavy = {"apache_beam", "pyarrow.compute", "fastavro", "pyarrow.parquet", "jmespath", "duckdb"} & sys.modules.keys()
assert not heavy, heavy
assert main(["inspect", exports]) == 0
heavy = {"apache_beam", "pyarrow.compute", "jmespath", "duckdb"} & sys.modules.keys()
assert not heavy, heavy
"""


def test_commands_that_read_load_neither_beam_nor_what_they_do_not_use(published: Ended, export: Path) -> None:
    dataset = str(published.dataset)
    light, by_columns = ([[name, dataset, *more] for name, *more in each] for each in (_LIGHT, _BY_COLUMNS))
    told = repr((light, by_columns, str(export)))
    ended = subprocess.run([sys.executable, "-c", _TELLS, told], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_schema_as_table_json_and_avro(published: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = str(published.dataset)
    assert main(["schema", dataset]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("speed", "numerical", "x y", "categorical"))
    assert main(["schema", dataset, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"] == published.schema
    assert main(["schema", dataset, "--format", "avro", "--group", "items"]) == 0
    parsed = fastavro.parse_schema(json.loads(capsys.readouterr().out))
    with published.parts("items")[0].open("rb") as stream:
        written = fastavro.reader(stream).writer_schema
    assert fastavro.schema.to_parsing_canonical_form(parsed) == fastavro.schema.to_parsing_canonical_form(written)


def test_a_pattern_without_a_folder_is_looked_for_here(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(export.parent)
    assert main(["ingest", "--dataset", str(tmp_path / "dataset"), "--items", export.name[:3] + "*", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "published"
    manifest = json.loads((tmp_path / "dataset/versions/000001/manifest.json").read_text())
    assert [each["uri"] for each in manifest["inputs"]] == [export.name]


@pytest.mark.parametrize("flag", ["--no_such_flag=1", "--direct_num_workers=many"])
def test_flags_that_the_runner_does_not_know_are_refused(
    flag: str, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", "--dataset", str(tmp_path / "dataset"), "--items", str(export), "--", flag]) == 2
    error = capsys.readouterr().err
    assert flag.split("=", maxsplit=1)[0].strip("-") in error
    assert "Traceback" not in error
