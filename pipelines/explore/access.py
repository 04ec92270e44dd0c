"""Guards the server: answers only to its own name and with the token, and says in headers what a page may do."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.explore.problems import problem
from pipelines.explore.tokens import Token

_PARAMETER = "token"
_LOCKED = (
    "This explorer answers only with its token: open the whole address that `metadata-etl explore` printed, or copy it "
    "again from the terminal."
)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names under which the server is reached; another name is a page that was bound to our address.

    Attributes:
        names: Lower case, as they stand in the header, without the port.
        port: The port.
        addresses: Whether any IP address is right too, as for a server that listens on all of them.
    """

    names: Sequence[str]
    port: int
    addresses: bool = False

    def accepts(self, header: str | None) -> bool:
        """Whether a header `Host` names this server."""
        if header is None:
            return False
        name, _, port = header.lower().rpartition(":") if not header.endswith("]") else (header.lower(), "", "")
        if not name:
            name, port = port, "80"
        if port != f"{self.port}":
            return False
        return name in self.names or (self.addresses and _is_address(name.strip("[]")))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application around another one.

    Attributes:
        app: The application that is guarded.
        token: Without it nothing is answered.
        hosts: Names of the server.
        policy: The Content-Security-Policy of every answer that brings none of its own.
    """

    app: ASGIApp
    token: Token
    hosts: Hosts
    policy: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or passes it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self.policy)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Frame-Options"] = "DENY"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
            await send(message)

        refused = self._refusal(scope)
        await (refused or self.app)(scope, receive, protected)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let in, and the redirect of one that brings the token in its URL."""
        headers = Headers(scope=scope)
        if not self.hosts.accepts(headers.get("host")):
            return _said(scope, "This server is not reached under that name.", 403)
        if scope["method"] not in ("GET", "HEAD"):
            refused = _said(scope, "The explorer only reads: GET is all that it takes.", 405)
            refused.headers["Allow"] = "GET, HEAD"
            return refused
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in pairs if name == _PARAMETER), None)
        if scope["path"] == "/" and self.token.equals(given):
            others = [(name, value) for name, value in pairs if name != _PARAMETER]
            response = RedirectResponse(f"/?{urlencode(others)}" if others else "/", 303)
            response.headers["Set-Cookie"] = self.token.set_cookie()
            return response
        if self.token.in_header(headers.get("authorization")) or self.token.in_cookies(headers.get("cookie")):
            return None
        return _said(scope, _LOCKED, 401)


def _said(scope: Scope, message: str, status: int) -> Response:
    """A refusal, to a program as JSON."""
    if scope["path"].startswith("/api/"):
        return problem(message, status=status)
    return PlainTextResponse(f"{message}\n", status)
