"""A bucket to test against: an emulator of Google Cloud Storage that is found, or built, and started by the tests.

`tests/pipelines/conftest.py` hands its fixtures to the tests of jobs. One that takes `bucket` runs against a bucket of
its own, and is skipped where no emulator can be had; with METADATA_ETL_REQUIRE_EMULATOR=1 it fails instead.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MODULE = "github.com/fsouza/fake-gcs-server"
VERSION = "v1.56.1"
NAME = "fake-gcs-server"
_BUILD_SECONDS = 900
_START_SECONDS = 30
_STARTS = 5


class MissingEmulatorError(Exception):
    """No emulator can be had here; the text says why."""


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """URL of an emulator that runs as long as this process tests; one for each worker of pytest-xdist."""
    try:
        program = executable()
    except MissingEmulatorError as error:
        reason = f"no emulator of Google Cloud Storage: {error}"
        if os.environ.get("METADATA_ETL_REQUIRE_EMULATOR") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with running(program) as url:
        yield url


@pytest.fixture
def bucket(emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a new, empty bucket, `gs://test-…`; this process and its children take the emulator for the store."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    uri = f"gs://test-{uuid.uuid4().hex}"
    handle(uri).create()
    return uri


def handle(uri: str) -> Any:
    """The `google.cloud.storage.Bucket` of a bucket's URI, by the client library itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports warns of what is not installed
        from google.cloud import storage  # noqa: PLC0415 - only tests that take a bucket pay for it
    return storage.Client().bucket(uri.removeprefix("gs://"))


def put(uri: str, data: bytes, *, encoding: str | None = None, content_type: str = "application/octet-stream") -> str:
    """Stores bytes as they are at `gs://bucket/object`, and returns that URI.

    Args:
        encoding: Its Content-Encoding; nothing is compressed here.
    """
    place, _, name = uri.removeprefix("gs://").partition("/")
    blob = handle(place).blob(name)
    blob.content_encoding = encoding
    blob.upload_from_string(data, content_type=content_type)
    return uri


def status_of(action: Callable[[], object]) -> int | None:
    """The HTTP status with which the store refuses what the action asks for, such as 412; None where it does it."""
    from google.api_core.exceptions import GoogleAPICallError  # noqa: PLC0415 - as in `handle`

    try:
        action()
    except GoogleAPICallError as error:
        return None if error.code is None else int(error.code)
    return None


def executable() -> Path:
    """The program of the emulator: the one on the PATH, one that was built before, or one that is built now.

    It is built below METADATA_ETL_TOOLS, by default `~/.cache/metadata-etl`, once for all who test at the same time.

    Raises:
        MissingEmulatorError: There is none, and it cannot be built.
    """
    if found := shutil.which(NAME):
        return Path(found)
    tools = Path(os.environ.get("METADATA_ETL_TOOLS") or Path.home() / ".cache" / "metadata-etl")
    program = tools / f"{NAME}-{VERSION.removeprefix('v')}" / NAME
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise MissingEmulatorError(f"{NAME} is not on the PATH, and there is no Go to build it with")
    try:
        tools.mkdir(parents=True, exist_ok=True)
        with (tools / f"{NAME}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits, and finds what the first has built
            if not program.exists():
                _build(go, program)
    except OSError as error:
        raise MissingEmulatorError(f"cannot build it in {tools}: {error}") from error
    return program


def _build(go: str, program: Path) -> None:
    with tempfile.TemporaryDirectory(dir=program.parents[1], prefix="build-") as folder:
        surroundings = {**os.environ, "GOBIN": folder, "CGO_ENABLED": "0"}
        install = [go, "install", f"{MODULE}@{VERSION}"]
        try:
            done = subprocess.run(
                install,
                env=surroundings,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=_BUILD_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise MissingEmulatorError(f"`go install` took more than {_BUILD_SECONDS} s") from error
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no word of why"]
            raise MissingEmulatorError(f"`{' '.join(install[1:])}` failed: {lines[-1]}")
        program.parent.mkdir(exist_ok=True)
        Path(folder, NAME).rename(program)


@contextmanager
def running(program: Path) -> Iterator[str]:
    """Runs an emulator, its buckets in memory, as long as the block; gives its URL."""
    with tempfile.TemporaryFile() as said:
        for _ in range(_STARTS):
            # A port that is free now: if another process takes it first, the emulator ends at once, and starts again.
            port = _free_port()
            address = f"127.0.0.1:{port}"
            flags = [
                *("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"),
                *("-public-host", address, "-external-url", f"http://{address}", "-log-level", "error"),
            ]
            process = subprocess.Popen([program, *flags], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            try:
                if _answers(process, port):
                    yield f"http://{address}"
                    return
            finally:
                process.terminate()
                process.wait()
        said.seek(0)
        pytest.fail(f"{program} did not start:\n{said.read().decode(errors='replace')}", pytrace=False)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the emulator listens, as soon as it does; not if it has ended or takes too long."""
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return process.poll() is None
        except OSError:
            time.sleep(0.02)
    return False
