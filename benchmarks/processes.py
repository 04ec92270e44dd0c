"""What a command and all the processes it starts take: wall time, CPU time and the peak of their memory together.

Linux only: everything is read from `/proc`. The sampling itself costs CPU time, outside of what is reported, and holds
up processes that ask for memory meanwhile: reading the proportional set size of one of 2 GB takes about 10 ms. So it
takes a tenth of the time at most.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from first_read import FirstRead

PROC = Path("/proc")
SAMPLE_SECONDS = 0.05
LEAST_PAUSE = 9
"""The pause between samples is at least so many times what the last one took."""
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STATE, PARENT, SESSION, USER_TICKS, SYSTEM_TICKS, STARTED, RESIDENT_PAGES = 0, 1, 3, 11, 12, 19, 21
"""Positions in `/proc/PID/stat` (proc(5)), counted from the state, the first entry behind the name in brackets."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of a command.

    Attributes:
        exit_code: of the command; -N where signal N ended it.
        wall_seconds: from start to end of the command.
        cpu_seconds: user and system time of all its processes.
        peak_bytes: largest sum, over the samples, of the memory of all its processes at one time: proportional set
            size, so that a page which several processes share counts once; resident set size where that is withheld.
            Where it is more: the largest resident set of any one of them, which the kernel sees between samples too.
        processes: most processes seen at one time.
        samples: how often memory was looked at.
        first_read_seconds: from the start of the command to its first read of an export; None if none was seen.
        stopped: whether it took longer than it was given.
    """

    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    processes: int
    samples: int
    first_read_seconds: float | None = None
    stopped: bool = False


class _Tree:
    """The processes of one session and all that descend from them, also those that left the session later."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.known: dict[tuple[int, str], float] = {}
        self.peak_bytes = 0
        self.peak_processes = 0
        self.samples = 0

    def sample(self) -> None:
        """Looks at the processes once."""
        stats = {pid: stat for pid in _pids() if (stat := _stat(pid)) is not None}
        members = {
            pid
            for pid, stat in stats.items()
            if pid == self.root or int(stat[SESSION]) == self.root or (pid, stat[STARTED]) in self.known
        }
        grown = True
        while grown:
            children = {pid for pid, stat in stats.items() if int(stat[PARENT]) in members} - members
            members |= children
            grown = bool(children)
        total = 0
        for pid in members:
            stat = stats[pid]
            self.known[pid, stat[STARTED]] = (int(stat[USER_TICKS]) + int(stat[SYSTEM_TICKS])) / TICKS_PER_SECOND
            total += _memory(pid, stat)
        self.peak_bytes = max(self.peak_bytes, total)
        self.peak_processes = max(self.peak_processes, sum(stats[pid][STATE] != "Z" for pid in members))
        self.samples += 1

    def watch(self, ended: threading.Event) -> None:
        """Samples until `ended` is set."""
        pause = SAMPLE_SECONDS
        while not ended.wait(pause):
            began = time.perf_counter()
            self.sample()
            pause = max(SAMPLE_SECONDS, LEAST_PAUSE * (time.perf_counter() - began))


def measure(
    command: Sequence[str],
    *,
    output: Path,
    environment: Mapping[str, str] | None = None,
    exports: Sequence[Path] = (),
    most_seconds: float | None = None,
) -> Measurement:
    """Runs a command to its end, with its standard output in `output` and its errors in `output` + `.err`.

    The first read of one of `exports` is told; a command that takes more than `most_seconds` is ended.

    CPU time is what the kernel accounts to the command and the children it waited for, or, where that is more, the sum
    of what the samples saw last of each process (children that nobody waited for are only in that).

    Raises:
        OSError: if the command cannot be started or the system has no `/proc`.
    """
    if not (PROC / "self" / "stat").exists():
        raise OSError("processes can only be measured where /proc is, on Linux")
    with (
        output.open("wb") as out,
        output.with_name(f"{output.name}.err").open("wb") as errors,
        FirstRead(exports) as first,
    ):
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=None if environment is None else {**os.environ, **environment},
            start_new_session=True,
        )
        tree = _Tree(process.pid)
        ended, stopped = threading.Event(), threading.Event()
        watcher = threading.Thread(target=tree.watch, args=(ended,))
        watcher.start()
        limit = threading.Timer(most_seconds or threading.TIMEOUT_MAX, _stop, args=(process.pid, stopped))
        limit.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall_seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            limit.cancel()
            ended.set()
            watcher.join()
            if process.returncode is None:  # interrupted: leave nothing running behind
                _stop(process.pid, stopped)
                process.wait()
    return Measurement(
        exit_code=process.returncode,
        wall_seconds=wall_seconds,
        cpu_seconds=max(usage.ru_utime + usage.ru_stime, sum(tree.known.values())),
        peak_bytes=max(tree.peak_bytes, usage.ru_maxrss * 1024),
        processes=max(tree.peak_processes, 1),
        samples=tree.samples,
        first_read_seconds=None if first.at is None else first.at - start,
        stopped=stopped.is_set(),
    )


def _stop(pid: int, stopped: threading.Event) -> None:
    """Ends a command that leads a session of its own, and what it has started in it."""
    stopped.set()
    with suppress(ProcessLookupError):  # it may just have ended by itself
        os.killpg(pid, signal.SIGKILL)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdecimal()]  # noqa: PTH208 - 20 times a second, names only


def _stat(pid: int) -> list[str] | None:
    """Returns the entries of a process behind its name, or None if it has ended meanwhile."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _memory(pid: int, stat: Sequence[str]) -> int:
    """Returns the proportional set size of a process in bytes, or the resident one."""
    try:
        with (PROC / str(pid) / "smaps_rollup").open("rb") as rollup:
            for line in rollup:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        pass  # ended meanwhile, or not ours to read: what stat said of it is the next best
    return int(stat[RESIDENT_PAGES]) * PAGE_BYTES
