"""The processes of a job that was started in a session of its own, and the sockets on which they listen."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from support.preloaded import Command

DEADLINE = 60.0
_LISTENING = "0A"
_LISTENING_UNIX = "00010000"


def wait_until(there: Callable[[], bool], process: Command | None = None) -> None:
    """Waits until something is so, for a minute at most; the process must not end meanwhile."""
    began = time.monotonic()
    while not there():
        assert process is None or process.poll() is None, f"the job ended too early, with {process.poll()}"
        assert time.monotonic() - began < DEADLINE
        time.sleep(0.005)


def of_session(process: Command) -> dict[int, int]:
    """Process id to that of the parent, of the living processes of a session."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(session) == process.pid and state != "Z":  # in a container nobody may collect the dead
            found[int(folder.name)] = int(parent)
    return found


def server_of(process: Command) -> list[int]:
    """The process that workers are forked from, once it is there."""
    return [pid for pid, parent in of_session(process).items() if parent == process.pid]


def workers_of(process: Command) -> list[int]:
    """The forked workers."""
    servers = server_of(process)
    return [pid for pid, parent in of_session(process).items() if parent in servers]


def listening(process: Command) -> tuple[set[str], set[str]]:
    """The TCP addresses, and the paths of Unix sockets, on which the processes of a session listen."""
    inodes = set()
    for pid in of_session(process):
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                name = f"{descriptor.readlink()}"
            except OSError:
                continue
            if name.startswith("socket:["):
                inodes.add(name[len("socket:[") : -1])
    tcp = {
        words[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for words in _rows(table)
        if words[3] == _LISTENING and words[9] in inodes
    }
    unix = {
        words[7] if len(words) > 7 else ""
        for words in _rows("/proc/net/unix")
        if words[3] == _LISTENING_UNIX and words[6] in inodes
    }
    return tcp, unix


def _rows(table: str) -> Iterator[list[str]]:
    path = Path(table)
    if path.exists():
        yield from (line.split() for line in path.read_text().splitlines()[1:])
