"""Starts the server of the explorer, says where it is, and serves until it is told to stop."""

import os
import socket
import sys
import threading
import time
import webbrowser
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError
from pipelines.explore.access import Guard, Hosts
from pipelines.explore.api import Api
from pipelines.explore.connections import HEAD_BYTES, MOST, PatientProtocol
from pipelines.explore.gates import Gates
from pipelines.explore.images import Images
from pipelines.explore.page import policy
from pipelines.explore.snapshots import Snapshots
from pipelines.explore.tokens import Token
from pipelines.explore.warming import warm
from pipelines.runners.interrupts import own_signals
from pipelines.streams import complain, say

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - told apart here, not bound to
_MOST_PORT = 65_535
_WAIT_SECONDS = 1
"""How long answers that are under way may take when the server ends."""
_WARM_AFTER_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Serving:
    """How the explorer is served.

    Attributes:
        host: Name or address of the interface to listen on.
        port: The port; 0 for any that is free.
        opens: Whether a browser is opened.
        images: Where images may come from.
    """

    host: str
    port: int
    opens: bool
    images: Images


def serve(dataset: str, version: int | None, serving: Serving) -> int:
    """Serves the explorer until Ctrl-C or SIGTERM; returns the exit code 0.

    Raises:
        UsageError: There is no such dataset or version, or the address is not free.
    """
    there = Dataset.at(dataset)
    shown = there.published() if version is None else there.version(version)
    snapshots = Snapshots(there, shown.number)
    snapshots.get(None)
    with _listening(serving) as listening:
        port = int(listening.getsockname()[1])
        token = Token.random(port)
        app = Guard(
            Gates(Api(snapshots, serving.images).app()), token, _hosts(serving.host, port), policy(serving.images.mode)
        )
        if serving.host not in LOOPBACK:
            complain(
                f"the explorer is reached from other machines at {serving.host}, without encryption: whoever has its "
                "address with the token can read this dataset"
            )
        url = f"http://{_address(serving.host)}:{port}/?token={token.text}"
        say(f"{dataset} version {shown.number}: {url}")
        if serving.opens and _has_display():
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        threading.Thread(target=_warm, args=(snapshots,), daemon=True).start()
        with own_signals():
            uvicorn.Server(configured(app)).run([listening])
    return 0


def configured(app: ASGIApp) -> uvicorn.Config:
    """How the server runs an application; what strangers send it that is no request is not logged."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=_WAIT_SECONDS,
    )


def _warm(snapshots: Snapshots) -> None:
    time.sleep(_WARM_AFTER_SECONDS)  # the first answers come first
    warm(snapshots.get(None))


def _listening(serving: Serving) -> socket.socket:
    """The socket that is listened on.

    Raises:
        UsageError: The address is not free, or none of this machine.
    """
    if not 0 <= serving.port <= _MOST_PORT:
        raise UsageError(f"--port expects a number from 0 to {_MOST_PORT}, got {serving.port}")
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    try:
        return socket.create_server((serving.host, serving.port), family=family, backlog=128)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"cannot listen on port {serving.port} of {serving.host}: {getattr(error, 'strerror', None) or error}; "
            "choose another --port or --host"
        ) from error


def _hosts(host: str, port: int) -> Hosts:
    names = [_address(host).lower()]
    if host in LOOPBACK:
        names += ["localhost"]
    if host in _EVERYWHERE:
        names += ["localhost", socket.gethostname().lower()]
    return Hosts(names, port, addresses=host in _EVERYWHERE)


def _address(host: str) -> str:
    if host in _EVERYWHERE:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _has_display() -> bool:
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
