"""The example jobs: files that parse, a crontab and a DAG whose command lines are those of metadata-etl (R4, P5)."""

import importlib.util
import json
import py_compile
import re
import shlex
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import pytest
from jinja2 import Environment, StrictUndefined

from pipelines.cli.config_file import FILE_ONLY, OPTIONS, read_history, read_options
from pipelines.config import MaxRejected, Source

JOBS = Path(__file__).resolve().parents[2] / "pipelines" / "files" / "jobs"
FIELD = re.compile(r"[0-9*,/-]+")
OWN = {f"--{name.replace('_', '-')}" for name in OPTIONS if name not in FILE_ONLY} | {"--config", "--history"}
"""Flags of ingest and backfill."""
EXPORTS = "/srv/exports/2026-02-28"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, JOBS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_nightly_job_is_a_job_file() -> None:
    job = read_options(str(JOBS / "nightly.toml"), date(2026, 3, 1))
    assert (job.dataset, job.mode, job.on_conflict, job.quiet) == ("/srv/datasets/fleet", "append", "fail", True)
    assert job.max_rejected == MaxRejected(Decimal(1), percent=True)
    assert job.sources == (
        Source("items", f"{EXPORTS}/items/*.ndjson.gz"),
        Source("scenes", f"{EXPORTS}/scenes/*.ndjson.gz"),
        Source("annotations", f"{EXPORTS}/boxes/*.ndjson.gz", optional=True),
        Source("annotations", f"{EXPORTS}/masks/*.ndjson.gz", optional=True),
        Source("predictions", f"{EXPORTS}/detector_v1/*.ndjson.gz", "detector_v1"),
        Source("predictions", f"{EXPORTS}/detector_v2/*.ndjson.gz", "detector_v2"),
    )


def test_what_is_commented_out_in_the_nightly_job_would_be_taken(tmp_path: Path) -> None:
    text = (JOBS / "nightly.toml").read_text("utf-8")
    path = tmp_path / "job.toml"
    path.write_text(text.replace("\n# runner_flags", "\nrunner_flags"), "utf-8")
    assert read_options(str(path)).runner_flags == ("--runner=FlinkRunner", "--flink_master=flink.example.org:8081")


def test_the_history_has_jobs_of_every_mode() -> None:
    jobs = read_history(str(JOBS / "history.toml"))
    assert [job.mode for job in jobs] == ["append", "replace", "merge", "append"]
    assert [job.on_duplicate for job in jobs] == [None, "last", None, None]
    assert [source.model_run for source in jobs[-1].sources] == [None, "detector_v1", "detector_v2"]


def scheduled() -> list[tuple[list[str], str]]:
    """(five fields, command as the shell gets it) of each line of the crontab that starts jobs."""
    lines = (JOBS / "crontab").read_text("utf-8").splitlines()
    jobs = [line for line in lines if line and not line.startswith("#") and not re.match(r"[A-Z]+=", line)]
    assert not any(re.search(r"(?<!\\)%", line) for line in jobs), "cron takes a bare % for the end of the line"
    return [(line.split(None, 5)[:5], line.split(None, 5)[5].replace("\\%", "%")) for line in jobs]


def test_every_line_of_the_crontab_has_five_fields_and_a_command_that_the_shell_reads() -> None:
    assert len(scheduled()) == 3
    for when, command in scheduled():
        assert all(FIELD.fullmatch(field) for field in when)
        assert subprocess.run(["sh", "-n", "-c", command], capture_output=True, check=True).stderr == b""


def test_every_command_of_the_crontab_is_one_of_metadata_etl() -> None:
    commands = [run for _, command in scheduled() for run in re.findall(r"metadata-etl [^;|&]+", command)]
    assert len(commands) == 4
    for command in commands:
        _, name, *words = shlex.split(command)
        assert name in {"ingest", "backfill"}
        assert {word for word in words if word.startswith("-")} <= OWN
        for file in (word for word in words if word.endswith(".toml")):
            assert (JOBS / Path(file).name).is_file()


def test_the_crontab_tries_again_after_exit_code_5_only(tmp_path: Path) -> None:
    command = next(command for _, command in scheduled() if "||" in command)
    (tmp_path / "metadata-etl").write_text('#!/bin/sh\necho run >> "$LOG"\nexit "$CODE"\n')
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    for name in ("metadata-etl", "sleep"):
        (tmp_path / name).chmod(0o755)
    runs = {}
    for code in (0, 1, 3, 5):
        log = tmp_path / f"log{code}"
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "CODE": str(code)}
        subprocess.run(["sh", "-c", command], env=environment, check=False)
        runs[code] = len(log.read_text().splitlines())
    assert runs == {0: 1, 1: 1, 3: 1, 5: 2}


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        (["--runner=DirectRunner", "--config=job.toml"], ["ingest", "--config=job.toml"]),
        (
            ["--runner=DirectRunner", "--dataset=d", "--items=a=b", "--on_conflict=null", "--dry_run", "--json"],
            ["ingest", "--dataset=d", "--items=a=b", "--on-conflict=null", "--dry-run", "--json"],
        ),
        (
            ["--runner=SparkRunner", "--history=h.toml", "--max-rejected=1%", "--labels=a=b", "--labels=c=d"],
            [
                "backfill",
                "--history=h.toml",
                "--max-rejected=1%",
                "--",
                "--runner=SparkRunner",
                "--labels=a=b",
                "--labels=c=d",
            ],
        ),
    ],
)
def test_the_entry_parts_own_options_from_those_of_beam(flags: list[str], command: list[str]) -> None:
    assert load("beam_entry").arguments(flags) == command


def test_the_entry_ends_with_the_exit_code_of_the_job(tmp_path: Path) -> None:
    record = {"reference_id": "a", "image_url": "https://example.org/a.jpg"}
    (tmp_path / "items.ndjson").write_text(json.dumps(record) + "\n", "utf-8")
    flags = ["--runner=DirectRunner", "--dataset=dataset", "--labels=airflow-version=v3-0-4", "--json"]
    command = [sys.executable, str(JOBS / "beam_entry.py"), *flags]
    ended = subprocess.run([*command, "--items=items.ndjson"], capture_output=True, check=False, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["outcome"] == "published"
    assert subprocess.run([*command, "--items=gone"], capture_output=True, check=False, cwd=tmp_path).returncode == 2


def test_the_dag_compiles(tmp_path: Path) -> None:
    py_compile.compile(str(JOBS / "airflow_dag.py"), cfile=str(tmp_path / "dag.pyc"), doraise=True)


def test_what_the_operator_of_the_dag_runs_is_a_command_of_metadata_etl(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = operators_of_the_dag(monkeypatch)["ingest"]
    assert Path(operator["py_file"]) == JOBS / "beam_entry.py"
    options = {**operator["default_pipeline_options"], **operator["pipeline_options"]}
    options["labels"] = ["airflow-version=v3-0-4"]  # the operator adds it
    flags = [
        f"--{name}" if each is True else f"--{name}={each}"
        for name, value in {"runner": operator["runner"], **options}.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    assert load("beam_entry").arguments(flags) == [
        "ingest",
        "--config=/etc/metadata-etl/nightly.toml",
        "--date={{ data_interval_end | default(dag_run.run_after, true) | ds }}",
        "--max-rejected=1%",
        "--json",
        "--",
        "--direct_num_workers=4",
        "--labels=airflow-version=v3-0-4",
    ]


NIGHT, BY_HAND = datetime(2026, 3, 1, 2, 15, tzinfo=UTC), datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("context", "day"),
    [
        ({"ds": "2026-02-28", "data_interval_end": NIGHT, "dag_run": SimpleNamespace()}, 1),
        ({"ds": "2026-03-01", "data_interval_end": NIGHT, "dag_run": SimpleNamespace(run_after=NIGHT)}, 1),
        ({"dag_run": SimpleNamespace(run_after=BY_HAND)}, 2),
        ({"data_interval_end": None, "dag_run": SimpleNamespace(run_after=BY_HAND)}, 2),
    ],
    ids=["Airflow 2", "Airflow 3", "Airflow 3 by hand", "Airflow 3 without an interval"],
)
def test_the_day_of_a_run_of_the_dag_is_that_of_the_crontab(
    context: dict[str, Any], day: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same night reads the same exports, whatever starts it."""
    template = operators_of_the_dag(monkeypatch)["ingest"]["pipeline_options"]["date"]
    environment = Environment(undefined=StrictUndefined)  # as Airflow has it
    environment.filters["ds"] = lambda value: value.strftime("%Y-%m-%d")
    due = date.fromisoformat(environment.from_string(template).render(context))
    assert due == date(2026, 3, day)
    first = read_options(str(JOBS / "nightly.toml"), due).sources[0]
    assert first.pattern == f"/srv/exports/{due - timedelta(days=1)}/items/*.ndjson.gz"


@pytest.mark.parametrize("major", [2, 3])
def test_the_dag_is_one_for_either_airflow(major: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert operators_of_the_dag(monkeypatch, major).keys() == {"ingest"}


def operators_of_the_dag(monkeypatch: pytest.MonkeyPatch, major: int = 3) -> dict[str, dict[str, Any]]:
    """What the DAG gives to each operator, by task; Airflow is stood in for, being no dependency of the project."""
    operators: dict[str, dict[str, Any]] = {}

    class Dag:
        def __init__(self, **given: Any) -> None:
            self.given = given

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def operator(*, task_id: str, **given: Any) -> None:
        operators[task_id] = given

    parts = ["airflow", "providers", "apache", "beam", "operators", "beam"]
    names = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    home = "airflow" if major == 2 else "airflow.sdk"
    modules = {name: ModuleType(name) for name in {*names, home}}
    vars(modules[home])["DAG"] = Dag
    vars(modules[".".join(parts)])["BeamRunPythonPipelineOperator"] = operator
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    load("airflow_dag")
    return operators
