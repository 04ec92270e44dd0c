"""Tries a release as users get it: installs wheel and sdist outside the checkout, and runs what users run.

    python deploy/check_dist.py dist

Each artefact is installed into an environment of its own: the wheel, the sdist with a compiler, and the sdist without
one. What the package depends on is installed once, into an environment that has nothing else (below build/).
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BUILD = Path(__file__).resolve().parents[1] / "build"
SECONDS = 300
"""How long a command may take."""
ITEM = '{{"reference_id": "{0}", "image_url": "s3://b/{0}.jpg", "metadata": {{"weather": "{1}", "speed": {2}}}}}\n'
ANNOTATION = (
    '{"reference_id": "a", "annotation_id": "a1", "label": "car", "type": "box", '
    '"geometry": {"x": 1, "y": 2, "width": 3, "height": 4}}\n'
)
BOOT = """#!/bin/sh
# Stands for Beam's boot program: installs what a job brings, and loads what a worker loads.
set -e
"$PYTHON_PATH" -m pip install --quiet --no-deps --disable-pip-version-check "$SDIST"
"$PYTHON_PATH" -c 'import pipelines.runners.worker as each; print(each.__file__)' | grep "^$VIRTUAL_ENV/"
"""
LIBRARY = """
import sys, metadata_etl, transforms.api
assert "/site-packages/" in metadata_etl.__file__, metadata_etl.__file__
dataset = metadata_etl.open("dataset")
assert dataset.items().collect().height == 3
print(metadata_etl.__version__)
"""


class FailedTrialError(Exception):
    """Something that a user runs does not work; the text says what was run, and what it printed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An environment in which a release is installed.

    Attributes:
        python: Its interpreter.
        dependencies: The interpreter of the environment that has what the package depends on.
        sdist: The sdist, which workers of an engine install.
        folder: Where commands run; it begins with two exports.
        built: Whether the C extension has to be in use.
    """

    python: Path
    dependencies: Path
    sdist: Path
    folder: Path
    built: bool

    def run(self, *command: str, **more: str) -> str:
        """What a command prints that users have once the package is installed.

        Raises:
            FailedTrialError: It failed.
        """
        return printed(command, self.folder, {"PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}", **more})

    def etl(self, *arguments: str) -> str:
        """What the installed `metadata-etl` prints."""
        return self.run("metadata-etl", *arguments)


def printed(command: tuple[str, ...], folder: Path, more: Mapping[str, str]) -> str:
    """What a command prints in a folder, with a plain environment.

    Raises:
        FailedTrialError: It failed.
    """
    kept = {
        name: each for name, each in os.environ.items() if not name.startswith(("PYTHON", "METADATA_ETL", "VIRTUAL"))
    }
    ended = subprocess.run(  # noqa: S603 - our own
        command, cwd=folder, env=kept | dict(more), capture_output=True, text=True, check=False, timeout=SECONDS
    )
    if ended.returncode != 0:
        raise FailedTrialError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def expect(condition: object, said: str) -> None:
    """Fails the trial with what was said, unless the condition holds.

    Raises:
        FailedTrialError: It does not.
    """
    if not condition:
        raise FailedTrialError(said)


def version(trial: Trial) -> None:
    """metadata-etl --version."""
    told = trial.etl("--version")
    expect(f"built {'with' if trial.built else 'without'} its C extension" in told, told)


def ingest(trial: Trial) -> None:
    """metadata-etl ingest ... --report."""
    items, annotations = "exports/items.ndjson", "exports/annotations.ndjson"
    told = trial.etl(
        *("ingest", "--dataset", "dataset", "--items", items, "--annotations", annotations),
        *("--report", "first.html", "--json"),
    )
    outcome = json.loads(told)
    expect(outcome["version"] == 1 and outcome["groups"]["annotations"]["created"] == 1, told)
    expect("d3" in (trial.folder / "first.html").read_text("utf-8"), "first.html has no charts")


def report(trial: Trial) -> None:
    """metadata-etl report."""
    trial.etl("report", "dataset", "--out", "report.html")
    expect("topojson" in (trial.folder / "report.html").read_text("utf-8"), "report.html has no libraries in it")


def query(trial: Trial) -> None:
    """metadata-etl query, suggest."""
    told = trial.etl("query", "dataset", "metadata.weather = rain AND annotations.car = 1", "--format", "ids")
    expect(told.split() == ["a"], told)
    expect("weather" in trial.etl("suggest", "dataset", "wea"), "suggest finds no field")


def export(trial: Trial) -> None:
    """metadata-etl export."""
    trial.etl("export", "dataset", "--out", "parquet")
    expect([*(trial.folder / "parquet").rglob("*.parquet")], "no Parquet file was written")


def explore(trial: Trial) -> None:
    """metadata-etl explore: its page, an asset, a call of its API."""
    command = [str(trial.python.parent / "metadata-etl"), "explore", "dataset", "--no-open"]
    with subprocess.Popen(  # noqa: S603 - our own
        command, cwd=trial.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            expect(server.stdout is not None, "explore prints nothing")
            line = server.stdout.readline() if server.stdout else ""
            found = re.search(r"(http://[\d.:]+)/\?token=(\S+)", line)
            expect(found, f"explore printed {line!r}")
            url, token = found.groups() if found else ("", "")
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            expect(b"<html" in opener.open(f"{url}/?token={token}", timeout=SECONDS).read(), "no page")
            expect(opener.open(f"{url}/assets/app.js", timeout=SECONDS).read(), "no script")
            told = opener.open(f"{url}/api/records?query=metadata.weather%20%3D%20rain", timeout=SECONDS).read()
            expect(json.loads(told), told.decode())
        finally:
            server.terminate()


def library(trial: Trial) -> None:
    """Import metadata_etl: open, frames."""
    trial.run(str(trial.python), "-c", LIBRARY)


def completion(trial: Trial) -> None:
    """metadata-etl completion bash, zsh, fish."""
    for shell in ("bash", "zsh", "fish"):
        script = trial.folder / f"completion.{shell}"
        script.write_text(trial.etl("completion", shell), "utf-8")
        if shutil.which(shell):
            trial.run(shell, "-n", str(script))


def schemas(trial: Trial) -> None:
    """metadata-etl schema --input."""
    for group in ("items", "scenes", "annotations", "predictions"):
        expect("$schema" in json.loads(trial.etl("schema", "--input", group)), f"no schema of {group}")


def job_files(trial: Trial) -> None:
    """The example jobs: nightly.toml, beam_entry.py, history.toml."""
    trial.etl("files", "jobs", "--out", "jobs")
    for path in (trial.folder / "jobs").glob("*.toml"):
        path.write_text(path.read_text("utf-8").replace("/srv/", f"{trial.folder}/srv/"), "utf-8")
    items = trial.folder / "srv/exports/2026-03-01/items/items.ndjson.gz"
    items.parent.mkdir(parents=True)
    items.write_bytes(gzip.compress((trial.folder / "exports/items.ndjson").read_bytes()))
    night = ("--config=jobs/nightly.toml", "--date=2026-03-02")
    told = trial.etl("ingest", *night, "--allow-empty", "--json")
    expect(json.loads(told)["version"] == 1, told)
    trial.run(str(trial.python), "jobs/beam_entry.py", "--runner=DirectRunner", *night, "--allow_empty")
    history = ("--dataset", "again", "--history", "jobs/history.toml", "--allow-empty", "--dry-run", "--json")
    expect(json.loads(trial.etl("backfill", *history))["exit_code"] == 0, "the history is refused")


def worker(trial: Trial) -> None:
    """The scripts of workers: worker.sh starts one, python.sh builds and installs the package of a job for it."""
    trial.etl("files", "worker", "--out", "worker")
    boot = trial.folder / "boot"
    boot.write_text(BOOT, "utf-8")
    boot.chmod(0o755)
    trial.run(
        str(trial.folder / "worker/worker.sh"),
        METADATA_ETL_WORKER_PYTHON=str(trial.dependencies),
        METADATA_ETL_WORKER_BOOT=str(boot),
        METADATA_ETL_WORKER_FOLDER=str(trial.folder / "workers"),
        SDIST=str(trial.sdist),
        **({} if trial.built else {"CC": "/bin/false"}),
    )
    expect([*(trial.folder / "workers/wheels").rglob("*.whl")], "no wheel was kept for the next worker")


TRIALS: tuple[Callable[[Trial], None], ...] = (
    *(version, ingest, report, query, export, explore, library, completion, schemas, job_files, worker),
)


def dependencies(wheel: Path) -> Path:
    """The interpreter of an environment with what a wheel depends on, and what builds an sdist; made once for a set."""
    with zipfile.ZipFile(wheel) as files:
        (name,) = (each for each in files.namelist() if each.endswith(".dist-info/METADATA"))
        found = re.findall(r"^Requires-Dist: (.+)$", files.read(name).decode(), re.MULTILINE)
    wanted = ["setuptools>=80", *(each for each in found if "extra ==" not in each)]
    digest = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:12]
    place = BUILD / "dist-dependencies" / digest
    python = place / "bin/python"
    if not (place / "whole").exists():
        print(f"Installing what it depends on into {place}: about two minutes", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, *wanted], check=True)  # noqa: S603 - our own
        (place / "whole").touch()
    return python


def installed(artefact: Path, dependency: Path, folder: Path, **more: str) -> Path:
    """The interpreter of a new environment with an artefact in it, beside its dependencies."""
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    purelib = ("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    below = printed((str(python), *purelib), folder, {}).strip()
    Path(below, "dependencies.pth").write_text(printed((str(dependency), *purelib), folder, {}), "utf-8")
    pip = (str(dependency), "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check")
    flags = ("--no-deps", "--no-cache-dir", "--no-build-isolation", "--no-index")
    printed((*pip, *flags, str(artefact)), folder, more)
    return python


def label(trial: Callable[[Trial], None]) -> str:
    """What a trial runs."""
    return (trial.__doc__ or "").rstrip(".")


def main(dist: Path) -> int:
    """Tries what is in a folder, and prints what was tried; returns the exit code."""
    (wheel,), (sdist,) = dist.resolve().glob("*.whl"), dist.resolve().glob("*.tar.gz")
    dependency = dependencies(wheel)
    no_compiler = {"CC": "/bin/false", "CXX": "/bin/false"}
    cases = (("wheel", wheel, True, {}), ("sdist", sdist, True, {}), ("sdist, no compiler", sdist, False, no_compiler))
    failed = 0
    for name, artefact, built, more in cases:
        with tempfile.TemporaryDirectory(prefix="metadata-etl-dist-") as made:
            folder = Path(made, "work")
            (folder / "exports").mkdir(parents=True)
            items = [ITEM.format("a", "rain", 3), ITEM.format("b", "sun", 4), ITEM.format("c", "rain", 5)]
            (folder / "exports/items.ndjson").write_text("".join(items), "utf-8")
            (folder / "exports/annotations.ndjson").write_text(ANNOTATION, "utf-8")
            python = installed(artefact, dependency, Path(made, "environment"), **more)
            trial = Trial(python, dependency, sdist, folder, built)
            for each in TRIALS:
                began = time.monotonic()
                try:
                    each(trial)
                except FailedTrialError as error:
                    failed += 1
                    print(f"FAILED  {name}: {label(each)}\n{error}", flush=True)
                else:
                    print(f"ok  {name}: {label(each)} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{failed} of {len(cases) * len(TRIALS)} failed" if failed else "everything that was tried works")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
