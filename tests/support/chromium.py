"""Where the browser of the tests is: named, on the PATH, or installed now."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL_SECONDS = 600


class MissingBrowserError(Exception):
    """No browser can be had here; the text says why."""


def executable() -> str:
    """The program: what METADATA_ETL_BROWSER names, what is on the PATH, or what apt installs now.

    Raises:
        MissingBrowserError: There is none, and it cannot be installed.
    """
    if named := os.environ.get("METADATA_ETL_BROWSER"):
        if not Path(named).is_file():
            raise MissingBrowserError(f"METADATA_ETL_BROWSER names {named}, which is no file")
        return named
    if found := _on_path():
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise MissingBrowserError("it is not on the PATH, and only root can install it, with apt-get")
    with (Path(tempfile.gettempdir()) / "metadata-etl-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits, and finds what the first has installed
        if not _on_path():
            _install()
    found = _on_path()
    if found is None:
        raise MissingBrowserError("apt-get installed it, but it is not on the PATH")
    return found


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _install() -> None:
    surroundings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    ):
        try:
            done = subprocess.run(
                command, env=surroundings, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MissingBrowserError(f"`{' '.join(command)}`: {error}") from error
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no word of why"]
            raise MissingBrowserError(f"`{' '.join(command)}` failed: {lines[-1]}")
