"""Serves the images that rows of the version name, and nothing else: below given folders, checked, limited."""

import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import IO, Literal
from urllib.parse import quote, unquote, urlsplit

from starlette.responses import Response

from pipelines.explore.problems import problem

Mode = Literal["off", "browser", "server"]
MAX_BYTES = 64 * 2**20
"""The largest image that is served."""
_TOO_LARGE = f"it is larger than {MAX_BYTES >> 20} MiB"
_SECONDS = 15
"""How long an image on the web may take."""
_BLOCK_BYTES = 1024 * 1024
_SIGNATURES: Sequence[tuple[int, bytes, str]] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (4, b"ftypavif", "image/avif"),
)
"""Offset, first bytes and type of the formats that are served. SVG is not among them: it is a document with scripts."""
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=3600",
}


class RefusedError(Exception):
    """An image that is not served; the text says why."""


@dataclass(frozen=True, slots=True)
class Images:
    """Where images may come from.

    Attributes:
        mode: Who loads those on the web: nobody (`off`, which shows no local ones either), the browser, or this server.
        roots: Folders from which local images are served, with no symbolic link in them.
    """

    mode: Mode
    roots: tuple[str, ...]

    def answer(self, uri: str | None) -> Response:
        """The image at a URI that a row names, or why there is none."""
        try:
            if uri is None:
                raise RefusedError("the record names no such image")  # noqa: TRY301 - one answer for all of them
            data = self._read(uri)
            return Response(data, media_type=media_type(data), headers=dict(_HEADERS))
        except RefusedError as error:
            return problem(f"{error}", status=404)
        except ValueError as error:  # urllib's, of a host that is none
            return problem(f"the URL is broken: {error}", status=404)

    def _read(self, uri: str) -> bytes:
        if self.mode == "off":
            raise RefusedError("images are off; start without --images off")
        scheme = urlsplit(uri).scheme.lower() if "://" in uri else ""
        if scheme in ("", "file"):
            return self._local(unquote(urlsplit(uri).path) if scheme == "file" else uri)
        if scheme in ("http", "https") and self.mode == "server":
            return _fetched(uri)
        where = {"http": "the browser loads it", "https": "the browser loads it"}
        raise RefusedError(
            where.get(scheme, f"{scheme}:// is not read by this server; sign the URL, or copy the image")
        )

    def _local(self, path: str) -> bytes:
        if "\0" in path:
            raise RefusedError("a path with a NUL in it")
        if not self.roots:
            raise RefusedError("it is a local file; start with --images-root DIR to show those below DIR")
        for root in self.roots:
            # Links are followed before the comparison, so that none leads out of the folder.
            real = os.path.realpath(os.path.join(root, path))  # noqa: PTH118 - as many as an item has images
            if os.path.commonpath([real, root]) == root and os.path.isfile(real):  # noqa: PTH113 - likewise
                return _regular(real)
        raise RefusedError("there is no such file below a folder that --images-root names")


def media_type(data: bytes) -> str:
    """The type of an image by its first bytes.

    Raises:
        RefusedError: It is none that is served.

    >>> media_type(b"GIF89a...")
    'image/gif'
    """
    for offset, signature, kind in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return kind
    raise RefusedError("it is no JPEG, PNG, GIF, WebP, AVIF or BMP; other formats, such as SVG, are not shown")


def _regular(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            return _bounded(stream)
    except OSError as error:
        raise RefusedError(f"it cannot be read: {error.strerror}") from error


def _bounded(stream: IO[bytes]) -> bytes:
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise RefusedError(_TOO_LARGE)
    return data


def _fetched(uri: str) -> bytes:
    """An image on the web; not of this machine or its network, which a row of a stranger could name.

    The address that was checked is the one that is asked: a name may have another one a moment later. A redirect, which
    could lead elsewhere, is not followed.
    """
    parts = urlsplit(uri)
    host = parts.hostname or ""
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, ValueError) as error:
        raise RefusedError(f"{host} is not found") from error
    if not all(ipaddress.ip_address(each.partition("%")[0]).is_global for each in addresses):
        raise RefusedError(f"{host} is in a private network")
    connection = (_HttpsTo if parts.scheme == "https" else _HttpTo)(host, port, addresses[0])
    late = threading.Event()

    def cut() -> None:
        late.set()
        if connection.opened is not None:
            with suppress(OSError):
                connection.opened.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_SECONDS, cut)  # the timeout of a socket begins anew with each byte
    timer.start()
    try:
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path)
        response = connection.getresponse()
        if response.status != HTTPStatus.OK:
            raise RefusedError(f"it cannot be loaded: {host} answers {response.status} {response.reason}")
        data = _body(response)
    except (OSError, HTTPException, ValueError) as error:
        why = f" within {_SECONDS} seconds" if late.is_set() else f": {error}"
        raise RefusedError(f"it cannot be loaded{why}") from error
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():
        raise RefusedError(f"it cannot be loaded within {_SECONDS} seconds")
    return data


def _body(response: HTTPResponse) -> bytes:
    found = bytearray()
    while block := response.read1(_BLOCK_BYTES):
        found += block
        if len(found) > MAX_BYTES:
            raise RefusedError(_TOO_LARGE)
    return bytes(found)


class _HttpTo(HTTPConnection):
    """A connection to one address of a host.

    Attributes:
        opened: Its socket, as long as a response is read too.
    """

    opened: socket.socket | None = None

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=_SECONDS)
        self._address = address

    def connect(self) -> None:
        """Connects to the address."""
        self.opened = self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _HttpsTo(HTTPSConnection):
    """Likewise, with the certificate of the host."""

    opened: socket.socket | None = None

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=_SECONDS)
        self._address = address

    def connect(self) -> None:
        """Connects to the address."""
        bare = socket.create_connection((self._address, self.port), self.timeout)
        context = ssl.create_default_context()
        secure = context.wrap_socket(bare, server_hostname=self.host, do_handshake_on_connect=False)
        self.opened = self.sock = secure
        secure.do_handshake()
