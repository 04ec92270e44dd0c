"""What the system refuses a job: one line that says what to do, whoever met it, and nothing is published (R4)."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from support.runs import COMMAND, an_item, ndjson

from pipelines.errors import EngineError, JobError
from pipelines.runners import choose as runners
from pipelines.runners import worker_channels
from pipelines.runners.system_errors import system_error
from transforms.beam.steps import StepFn

WORKER_TRACEBACK = """Traceback (most recent call last):
  File "x.py", line 1, in process
{line} [while running 'WriteRows/ParDo(_WriteRowsFn)']
"""


@pytest.mark.parametrize(
    ("error", "line", "to_do"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "d/x"), "No space left on device: 'd/x'", "free space"),
        (RuntimeError("OSError: [Errno 122] Disk quota exceeded [while running 'A']"), "Disk quota exceeded", "quota"),
        (
            RuntimeError(WORKER_TRACEBACK.format(line="OSError: [Errno 28] No space left on device: 'd/x'")),
            "No space left on device: 'd/x'",
            "TMPDIR",
        ),
        (RuntimeError("polars.ComputeError: cannot write (os error 27)"), "File too large", "ulimit -f"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "ulimit -n"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "d"), "File name too long: 'd'", "a shorter name"),
        (OSError(errno.EROFS, "Read-only file system", "d"), "Read-only file system: 'd'", "writable"),
        (MemoryError(), "memory ran out", "fewer workers"),
        (RuntimeError(WORKER_TRACEBACK.format(line="MemoryError")), "memory ran out in a worker", "fewer workers"),
        (RuntimeError("pyarrow.lib.ArrowMemoryError: malloc of 3"), "memory ran out in a worker", "fewer workers"),
    ],
)
def test_it_is_one_line_that_says_what_to_do(error: BaseException, line: str, to_do: str) -> None:
    found = f"{system_error(error)}"
    assert line in found
    assert to_do in found
    assert "\n" not in found
    assert "[while running" not in found


@pytest.mark.parametrize("error", [ValueError("no"), RuntimeError(""), OSError("no number"), OSError(9999, "unknown")])
def test_what_nobody_knows_what_to_do_about_is_left(error: BaseException) -> None:
    assert system_error(error) is None


class _FullFn(StepFn):
    def process(self, _: bytes) -> Iterator[bytes]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "d/part")
        yield b""


def test_it_is_found_in_what_the_local_runner_makes_of_it_and_not_logged(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(JobError, match="nothing was published: No space left on device: 'd/part'; free space"):
        runners.choose((), 0).run(lambda root: root | beam.Impulse() | "Fail" >> beam.ParDo(_FullFn()))
    assert capfd.readouterr().err == ""


def test_a_job_that_may_not_write_so_much_ends_in_one_line(tmp_path: Path) -> None:
    export = ndjson(tmp_path / "items.ndjson", [an_item(f"i{n}", {"note": os.urandom(16).hex()}) for n in range(9_000)])
    words = ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh"]
    job = subprocess.run(
        [*words, *COMMAND, "ingest", "--dataset", str(tmp_path / "d"), "--items", str(export), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (job.returncode, job.stdout) == (1, "")
    (line,) = job.stderr.splitlines()
    assert line.startswith("metadata-etl: nothing was published: File too large; raise the limit")
    assert not (tmp_path / "d/CURRENT").exists()
    assert not (tmp_path / "d/runs").exists()


def test_worker_channels_that_cannot_be_kept_private_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    class _Manager:
        def get_worker_handlers(self) -> None:
            """As another version of Beam may have it: nothing here takes the server that we put in its place."""

    monkeypatch.setattr(worker_channels.worker_handlers, "WorkerHandlerManager", _Manager)
    with pytest.raises(EngineError, match="Run the job in one process"), worker_channels.private_channels():
        pass


def test_a_server_that_is_not_ours_is_closed_at_once() -> None:
    closed: list[bool] = []

    class _Open:
        def close(self) -> None:
            closed.append(True)

    with pytest.raises(EngineError, match="Run the job in one process"):
        worker_channels._ProcessHandler(b"", None, None, _Open())
    assert closed == [True]


def test_a_path_that_is_too_long_for_a_socket_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with worker_channels._socket_folder() as folder:
        assert folder.parent == Path("/tmp")
    assert list(long.iterdir()) == []
