"""Programs that tests need and that no package of Python brings: found, or made once and kept outside the tree.

They are kept below METADATA_ETL_TOOLS, by default `~/.cache/metadata-etl`, one folder for each version.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_SECONDS = 900
"""How long one step of making a tool may take."""


class MissingToolError(Exception):
    """A tool cannot be had here; the text says why."""


def folder() -> Path:
    """Where tools are kept."""
    return Path(os.environ.get("METADATA_ETL_TOOLS") or Path.home() / ".cache" / "metadata-etl")


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the tools: the one that was made before, or one that is made now.

    It is made once for all who test at the same time.

    Args:
        name: With the version in it.
        make: Fills the folder that it is given. Which folder that is must not matter to what is in it.

    Raises:
        MissingToolError: It cannot be made.
    """
    tools = folder()
    place = tools / name
    if place.exists():
        return place
    try:
        tools.mkdir(parents=True, exist_ok=True)
        with (tools / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits, and finds what the first has made
            if not place.exists():
                with tempfile.TemporaryDirectory(dir=tools, prefix="build-") as build:
                    made = Path(build, "made")
                    made.mkdir()
                    make(made)
                    made.rename(place)
    except OSError as error:
        raise MissingToolError(f"cannot make it in {tools}: {error}") from error
    return place


def go_program(name: str, package: str, version: str) -> Path:
    """A program written in Go: the one of this name on the PATH, or one that is built.

    Raises:
        MissingToolError: There is none, and it cannot be built.
    """
    if found := shutil.which(name):
        return Path(found)
    program = package.rpartition("/")[2]

    def build(place: Path) -> None:
        go = shutil.which("go")
        if go is None:
            raise MissingToolError(f"{name} is not on the PATH, and there is no Go to build it with")
        called([go, "install", f"{package}@{version}"], place, {"GOBIN": str(place), "CGO_ENABLED": "0"})

    return kept(f"{name}-{version.removeprefix('v')}", build) / program


def called(command: Sequence[str], place: Path, variables: Mapping[str, str] | None = None) -> None:
    """Runs one step of making a tool.

    Raises:
        MissingToolError: It failed, or took too long.
    """
    shown = " ".join([Path(command[0]).name, *command[1:]])
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(variables or {})},
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise MissingToolError(f"`{shown}` took more than {_SECONDS} s") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no word of why"]
        raise MissingToolError(f"`{shown}` failed: {lines[-1]}")
