"""The explorer's server in this process, and calls to it, for tests of the API and of the page."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn

from pipelines.dataset.versions import Dataset
from pipelines.explore.access import Guard, Hosts
from pipelines.explore.api import Api
from pipelines.explore.gates import Gates
from pipelines.explore.images import Images, Mode
from pipelines.explore.page import policy
from pipelines.explore.server import configured
from pipelines.explore.snapshots import Snapshots
from pipelines.explore.tokens import Token


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Explorer:
    """A server that runs.

    Attributes:
        url: Its address, without a slash at the end.
        token: Its token.
    """

    url: str
    token: Token

    @property
    def opened(self) -> str:
        """The address that is printed."""
        return f"{self.url}/?token={self.token.text}"

    def get(self, where: str, *, headers: dict[str, str] | None = None, **parameters: object) -> Answered:
        """Asks, with the token unless `headers` are given; redirects are not followed."""
        query = urlencode({name: each for name, each in parameters.items() if each is not None}, doseq=True)
        given = {"Authorization": f"Bearer {self.token.text}"} if headers is None else headers
        request = urllib.request.Request(f"{self.url}{where}{'?' if query else ''}{query}", headers=given)
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=60) as response:
                return Answered(response.status, _lower(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answered(error.code, _lower(error.headers), error.read())

    def json(self, call: str, **parameters: object) -> Any:
        """The answer of a call of the API that works."""
        found = self.get(f"/api/{call}", **parameters)
        assert found.status == 200, found.body
        return found.json


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def exploring(dataset: Path, *, images: Mode = "browser", roots: tuple[Path, ...] = ()) -> Iterator[Explorer]:
    """Serves a dataset for as long as the block runs."""
    there = Dataset.at(f"{dataset}")
    snapshots = Snapshots(there, there.published().number)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        token = Token.random(port)
        api = Api(snapshots, Images(images, tuple(f"{each.resolve()}" for each in roots)))
        app = Guard(Gates(api.app()), token, Hosts(("127.0.0.1", "localhost"), port), policy(images))
        server = uvicorn.Server(configured(app))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Explorer(f"http://127.0.0.1:{port}", token)
        finally:
            server.should_exit = True
            thread.join()
