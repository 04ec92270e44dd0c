"""Shells at a terminal, as a person uses them: a line is typed, TAB is pressed, then RETURN."""

import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from support.processes import of_session

REQUIRE = "METADATA_ETL_REQUIRE_SHELLS"
COMMANDS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
AT_TERMINAL = (
    sys.executable,
    "-S",
    "-c",
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])",
)
"""Goes in front of a shell: its input becomes the terminal of its session. Not by `preexec_fn`: a fork of a
process that has loaded gRPC may end in its handlers."""
_SECONDS, _INSTALL_SECONDS = 30, 600
_COLUMNS = 400


class MissingShellError(Exception):
    """A shell cannot be had here; the text says why."""


def program(name: str) -> str:
    """The shell on the PATH; where shells are required, apt installs it now.

    Raises:
        MissingShellError: There is none.
    """
    if (found := shutil.which(name)) is None and required() and shutil.which("apt-get") and os.geteuid() == 0:
        surroundings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        with (Path(tempfile.gettempdir()) / "metadata-etl-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits, and finds what the first has installed
            for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", name]):
                if shutil.which(name) is None:
                    subprocess.run(
                        ["apt-get", *command],
                        env=surroundings,
                        capture_output=True,
                        check=False,
                        timeout=_INSTALL_SECONDS,
                    )
        found = shutil.which(name)
    if found is None:
        raise MissingShellError(f"there is no {name} on the PATH; install it with `apt-get install {name}`")
    return found


def required() -> bool:
    """Whether a test fails that needs a shell which is not there."""
    return os.environ.get(REQUIRE) == "1"


class Shell:
    """An interactive shell, in which `metadata-etl` completes what it is told to, and else notes its arguments."""

    def __init__(self, name: str, folder: Path, terminal: int) -> None:
        self.name = name
        self._folder = folder
        self._terminal = terminal

    def completed(self, line: str, words: Sequence[str]) -> list[str] | None:
        """The arguments of the command after TAB and RETURN; None if it was not run.

        Args:
            line: What is typed.
            words: What the program says completes it.
        """
        (self._folder / "words").write_text("".join(f"{word}\n" for word in words))
        noted = self._folder / "arguments"
        noted.unlink(missing_ok=True)
        os.write(self._terminal, f"{line}\t\r".encode())
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if noted.exists():
                return noted.read_text().split("\0")[:-1]
            time.sleep(0.02)
        return None


@contextmanager
def shell(name: str, script: str, folder: Path) -> Iterator[Shell]:
    """A shell with the script sourced, in the empty folder `here` below `folder`."""
    for place in ("bin", "home", "here"):
        (folder / place).mkdir(parents=True)
    (folder / "script").write_text(script)
    command = folder / "bin" / "metadata-etl"
    command.write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" --complete "*) cat "{folder}/words"; exit ;; esac\n'
        f'printf \'%s\\0\' "$@" > "{folder}/noted" && mv "{folder}/noted" "{folder}/arguments"\n'
    )
    command.chmod(0o755)
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, _COLUMNS, 0, 0))
    environment = {
        "PATH": f"{folder / 'bin'}:{Path(program(name)).parent}:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "TERM": "xterm" if name == "fish" else "dumb",
        "LC_ALL": "C.UTF-8",
        "HISTFILE": os.devnull,
    }
    with subprocess.Popen(
        [*AT_TERMINAL, *COMMANDS[name]],
        stdin=side,
        stdout=side,
        stderr=side,
        cwd=folder / "here",
        env=environment,
        start_new_session=True,
    ) as running:
        os.close(side)
        reader = threading.Thread(target=_drain, args=(main,), daemon=True)
        reader.start()
        try:
            os.write(main, f"source {folder / 'script'}\r".encode())
            yield Shell(name, folder, main)
        finally:
            for process in of_session(running):  # what it runs has groups of its own, and the terminal open
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            running.wait()
            reader.join()
            os.close(main)


def _drain(terminal: int) -> None:
    """Reads what a shell prints, or it would wait; the questions of fish for the cursor are answered."""
    with suppress(OSError):  # how a terminal says that it was closed
        while os.read(terminal, 65536):
            pass
