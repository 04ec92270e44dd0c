"""Worker processes: they do the job, are reached by nobody else, and go with it however it ends (P1, P3)."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from support.preloaded import WORKERS, Command
from support.processes import DEADLINE, listening, of_session, server_of, wait_until, workers_of
from support.profiles import cases
from support.runs import an_item, digests, ingest, ndjson

TWO = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
NOBODY = 65534


def start(dataset: Path, export: Path, *, temporary: Path | None = None) -> Command:
    words = ["ingest", "--dataset", str(dataset), "--items", str(export), "--quiet", *TWO]
    environment = None if temporary is None else {**os.environ, "TMPDIR": str(temporary)}
    return Command(*words, script=WORKERS, environment=environment)


def until_nobody_is_left(process: Command) -> None:
    wait_until(lambda: not of_session(process))


def until_at_work(process: Command, dataset: Path) -> None:
    """Until two workers are there, and one of these has written something."""
    # The files first: to look at all processes takes so long that a quick job may end meanwhile.
    wait_until(lambda: any(dataset.glob("runs/*/state/items/*")) and len(workers_of(process)) == 2, process)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return ndjson(
        tmp_path / "items.ndjson", [an_item(f"i{n}", {"speed": n, "note": f"n{n % 9}"}) for n in range(20_000)]
    )


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """For jobs that nobody has to be quicker than."""
    return ndjson(tmp_path / "few.ndjson", [an_item(f"i{n}", {"speed": n}) for n in range(100)])


def test_forked_workers_give_the_bytes_of_one_process_and_nobody_else_can_talk_to_them(
    tmp_path: Path, export: Path
) -> None:
    process = start(tmp_path / "forked", export)
    until_at_work(process, tmp_path / "forked")
    os.killpg(process.pid, signal.SIGSTOP)  # or it may be over before all is asked
    tcp, unix = listening(process)
    connected = [_connected(path) for path in unix] if os.geteuid() == 0 else []
    private = [Path(path).parent.stat().st_mode & 0o077 for path in unix]
    os.killpg(process.pid, signal.SIGCONT)
    _, error = process.communicate(timeout=DEADLINE)
    assert (process.returncode, error) == (0, "")
    assert tcp == set()
    assert len(unix) == 3
    assert set(private) == {0}
    assert set(connected) <= {"refused", "cannot be another user"}
    assert ingest(tmp_path / "alone", "--items", str(export)).exit_code == 0
    assert digests(tmp_path / "forked") == digests(tmp_path / "alone")
    until_nobody_is_left(process)


ANSWERS = ("failed", "connected", "refused", "cannot be another user")


def _connected(path: str) -> str:
    """What becomes of a try of another user to connect to a socket, one of ANSWERS; to be asked by root."""
    client = os.fork()
    if client == 0:
        code = ANSWERS.index("failed")
        try:  # whatever happens, this process must not go on with the tests
            try:
                os.setuid(NOBODY)
            except OSError:
                code = ANSWERS.index("cannot be another user")
            else:
                socket.socket(socket.AF_UNIX).connect(path)
                code = ANSWERS.index("connected")
        except PermissionError:
            code = ANSWERS.index("refused")
        finally:
            os._exit(code)
    return ANSWERS[os.waitstatus_to_exitcode(os.waitpid(client, 0)[1])]


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGKILL, -signal.SIGKILL, ""),
        # What an interrupt does to a job with workers is looked at in test_interrupt.py, too.
        pytest.param(signal.SIGINT, 130, "interrupted; nothing was published", marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, 143, "terminated; nothing was published", marks=pytest.mark.long),
    ],
)
def test_they_go_with_a_job_that_is_killed_or_interrupted_and_so_do_its_temporary_files(
    tmp_path: Path, export: Path, few: Path, number: signal.Signals, code: int, line: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = start(tmp_path / "d", export, temporary=temporary)
    until_at_work(process, tmp_path / "d")
    # All processes of the group, as at a terminal; a kill is of the launching process alone.
    os.kill(process.pid if number == signal.SIGKILL else -process.pid, number)
    _, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == code
    assert error.splitlines() == ([f"metadata-etl: {line}"] if line else [])
    until_nobody_is_left(process)
    left = [entry.name for entry in temporary.iterdir()]
    assert (len(left) == 1) if number == signal.SIGKILL else (left == [])
    assert number == signal.SIGKILL or not (tmp_path / "d/runs").exists()
    again = start(tmp_path / "d", few, temporary=temporary)
    again.communicate(timeout=DEADLINE)
    assert again.returncode == 0
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "d/runs").exists()


MOMENTS = ("the server is there", "a worker is there", "two workers are there")


@pytest.mark.parametrize("moment", cases(MOMENTS, ["a worker is there"]))
def test_none_is_left_when_a_job_is_killed_while_they_start(tmp_path: Path, export: Path, moment: str) -> None:
    process = start(tmp_path / "d", export)
    if moment == "the server is there":
        wait_until(lambda: bool(server_of(process)), process)
    else:
        wanted = 1 if moment == "a worker is there" else 2
        wait_until(lambda: len(workers_of(process)) >= wanted, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=DEADLINE)
    until_nobody_is_left(process)


def test_a_job_whose_worker_is_killed_fails_at_once_in_one_line(tmp_path: Path, export: Path) -> None:
    process = start(tmp_path / "d", export)
    wait_until(lambda: len(workers_of(process)) == 2, process)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    began = time.monotonic()
    _, error = process.communicate(timeout=DEADLINE)
    assert time.monotonic() - began < 20  # seconds, on a machine with much else to do
    (line,) = error.splitlines()
    assert line.startswith("metadata-etl: a worker process ended before its work was done; nothing was published.")
    assert process.returncode == 1
    until_nobody_is_left(process)
    assert not (tmp_path / "d/CURRENT").exists()
    assert not (tmp_path / "d/runs").exists()


def test_a_server_that_dies_costs_nothing_but_time(tmp_path: Path, few: Path) -> None:
    process = start(tmp_path / "d", few)
    wait_until(lambda: bool(server_of(process)), process)
    os.kill(server_of(process)[0], signal.SIGKILL)
    _, error = process.communicate(timeout=DEADLINE)
    assert (process.returncode, error) == (0, "")
    until_nobody_is_left(process)
