"""The engines that jobs are tested on: installed, started and used by the commands of their pages in docs/engines.

A fenced block of a page says what it is: `sh install` fills a folder that is kept outside the tree, `sh variables` is
what an engine has to be told, `sh server` starts it, `sh engine` sets the flags of a job, each `sh job` is a job.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from support.bucket import answers, free_port
from support.tools import MissingToolError, called, kept

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/engines"
REQUIRE = "METADATA_ETL_REQUIRE_ENGINES"
_START_SECONDS = 60
_STOP_SECONDS = 15
_JOB_SECONDS = 300
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""An engine lives for a minute here: what the second compiler of Java makes of its code costs more than it gains."""
_FENCE = re.compile(r"^```sh (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NEEDS = {"flink": ("mvn", "java"), "spark": ("mvn", "java"), "prism": ("go",), "workers": ("go",)}


def blocks(page: str, kind: str) -> list[str]:
    """The fenced blocks of one kind on a page."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    return [body for found, body in _FENCE.findall(text) if found == kind]


def variables(**more: str) -> dict[str, str]:
    """The environment for the commands of a page: ours, with the interpreter of the tests first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONWARNINGS": "ignore", **more}


def installed(page: str) -> Path:
    """The folder that the installing block of a page fills: the one that was filled before, or one that is filled now.

    Raises:
        MissingToolError: Something that it takes is not there, or it failed.
    """
    (text,) = blocks(page, "install")
    for name in _NEEDS[page]:
        if shutil.which(name) is None:
            raise MissingToolError(f"{page} needs `{name}`, which is not on the PATH")
    if page == "prism" and (found := shutil.which("prism")):
        return Path(found).parent
    pom = ROOT / "pipelines/files" / page / "pom.xml"
    depends = [text, pom.read_text("utf-8") if pom.exists() else ""]
    if page == "workers":
        needed = (each for each in requires("metadata-etl") or () if "extra ==" not in each)  # as the block takes them
        depends += [sys.version, version("apache-beam"), *needed]
    digest = hashlib.sha256("\n".join(depends).encode()).hexdigest()[:12]

    def install(place: Path) -> None:
        called(["bash", "-euc", text], ROOT, variables(PLACE=str(place)))

    return kept(f"{page}-{digest}", install)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that runs.

    Attributes:
        name: That of its page.
        port: Where it takes jobs.
        log: What it and its workers said.
        workers: The folder of its workers' environments.
    """

    name: str
    port: int
    log: Path
    workers: Path

    def environment(self, dataset: Path | str, exports: Path, **more: str) -> dict[str, str]:
        """The variables that the commands of its page take."""
        return variables(JOB_PORT=str(self.port), DATASET=str(dataset), EXPORTS=str(exports), **more)

    def job(self, text: str, dataset: Path | str, exports: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a job of its page, or one like those."""
        (flags,) = blocks(self.name, "engine")
        return ended(flags + text, self.environment(dataset, exports, **more))

    def processes(self) -> list[int]:
        """The ids of the worker processes that it has started: those of Python, below those of the boot program."""
        boots = {int(place.name.rpartition("-")[2]) for place in self.workers.glob("worker-*")}
        return [child for child, parent in _parents() if parent in boots]


def ended(text: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the commands of a block in the checkout, to their end."""
    return subprocess.run(
        ["bash", "-euc", text],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=_JOB_SECONDS,
    )


@contextmanager
def running(name: str, **more: str) -> Iterator[Engine]:
    """Runs an engine as long as the block; skips the test where it cannot be had, or fails it where it has to be."""
    try:
        place, tools = installed(name), installed("workers")
    except MissingToolError as error:
        reason = f"no engine {name}: {error}"
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    (told,) = blocks("workers", "variables")
    (text,) = blocks(name, "server")
    with tempfile.TemporaryDirectory(prefix="metadata-etl-engine-") as folder:
        log, workers = Path(folder, "log"), Path(folder, "workers")
        workers.mkdir()
        port = free_port()
        shell = f"PLACE={tools}\n{told}\nPLACE={place}\n{text}"
        # In / and without the checkout on any path: what a worker imports it has from the job.
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        environment |= {
            "CHECKOUT": str(ROOT),
            "JOB_PORT": str(port),
            "METADATA_ETL_WORKER_FOLDER": str(workers),
            "TMPDIR": folder,
            "JAVA_TOOL_OPTIONS": _JAVA,
            **more,
        }
        with log.open("wb") as said:
            process = subprocess.Popen(
                ["bash", "-euc", shell], cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            engine = Engine(name, port, log, workers)
            try:
                if not answers(process, port, seconds=_START_SECONDS):
                    pytest.fail(f"{name} did not start:\n{log.read_text('utf-8', 'replace')}", pytrace=False)
                yield engine
            finally:
                _stop(process, engine)


def _stop(process: subprocess.Popen[bytes], engine: Engine) -> None:
    left = engine.processes()
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for worker in left:  # they go when they notice that the engine has gone; nothing waits for that
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def _parents() -> Iterator[tuple[int, int]]:
    """(process, its parent) of all processes."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            after_name = (place / "stat").read_text().rpartition(")")[2].split()
            yield int(place.name), int(after_name[1])
