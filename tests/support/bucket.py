"""A bucket to test against: an emulator of Google Cloud Storage that is found, or built, and started by the tests.

`tests/conftest.py` hands its fixtures to all tests. One that takes `bucket` runs against a bucket of
its own, and is skipped where no emulator can be had; with METADATA_ETL_REQUIRE_EMULATOR=1 it fails instead.
"""

import gc
import os
import socket
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.tools import MissingToolError, go_program

MODULE = "github.com/fsouza/fake-gcs-server"
VERSION = "v1.56.1"
NAME = "fake-gcs-server"
_START_SECONDS = 30
_STARTS = 5


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """URL of an emulator that runs as long as this process tests; one for each worker of pytest-xdist."""
    try:
        program = executable()
    except MissingToolError as error:
        reason = f"no emulator of Google Cloud Storage: {error}"
        if os.environ.get("METADATA_ETL_REQUIRE_EMULATOR") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with running(program) as url:
        yield url


@pytest.fixture(scope="module")
def closed_connections() -> Iterator[None]:
    """Closes those of the tests of a module: Beam opens some for each call, and leaves them to the collector."""
    yield
    gc.collect()


@pytest.fixture
def bucket(emulator: str, closed_connections: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a new, empty bucket, `gs://test-…`; this process and its children take the emulator for the store."""
    assert closed_connections is None
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    uri = f"gs://test-{uuid.uuid4().hex}"
    handle(uri).create()
    return uri


def handle(uri: str) -> Any:
    """The `google.cloud.storage.Bucket` of a bucket's URI, by the client library itself."""
    return _client(os.environ["STORAGE_EMULATOR_HOST"]).bucket(uri.removeprefix("gs://"))


@cache
def _client(_: str) -> Any:
    """The client of an emulator; each keeps its connections open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports warns of what is not installed
        from google.cloud import storage  # noqa: PLC0415 - only tests that take a bucket pay for it
    return storage.Client()


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
    """The program of the emulator: the one on the PATH, or one that is built (see `support.tools`).

    Raises:
        MissingToolError: There is none, and it cannot be built.
    """
    return go_program(NAME, MODULE, VERSION)


@contextmanager
def running(program: Path) -> Iterator[str]:
    """Runs an emulator, its buckets in memory, as long as the block; gives its URL."""
    with tempfile.TemporaryFile() as said:
        for _ in range(_STARTS):
            # A port that is free now: if another process takes it first, the emulator ends at once, and starts again.
            port = free_port()
            address = f"127.0.0.1:{port}"
            flags = [
                *("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"),
                *("-public-host", address, "-external-url", f"http://{address}", "-log-level", "error"),
            ]
            process = subprocess.Popen([program, *flags], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            try:
                if answers(process, port):
                    yield f"http://{address}"
                    return
            finally:
                process.terminate()
                process.wait()
        said.seek(0)
        pytest.fail(f"{program} did not start:\n{said.read().decode(errors='replace')}", pytrace=False)


def free_port() -> int:
    """A port of this machine that nobody listens to now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(process: subprocess.Popen[bytes], port: int, *, seconds: float = _START_SECONDS) -> bool:
    """Whether a server listens, as soon as it does; not if it has ended or takes too long."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return process.poll() is None
        except OSError:
            time.sleep(0.02)
    return False
