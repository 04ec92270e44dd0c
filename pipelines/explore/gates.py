"""Bounds how many answers are made and sent at the same time, so that memory is bounded however slow clients are."""

import asyncio
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.explore.problems import BrokenOffError

ANSWERS = 16
"""Answers of the API at the same time, until their clients have taken them; others wait for their turn."""
DOWNLOADS = 4
"""Downloads at the same time, which have their own bound because a person may take long for one."""
_DOWNLOAD = "/api/export"
_PIECE_BYTES = 256 * 2**10
"""A longer body is sent in pieces, each once the one before was taken."""


@dataclass(frozen=True, slots=True)
class Gates:
    """An ASGI application around another one.

    Attributes:
        app: The application.
    """

    app: ASGIApp
    _answers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ANSWERS))
    _downloads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DOWNLOADS))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request when it is its turn."""

        async def in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= _PIECE_BYTES:
                await send(message)
                return
            for start in range(0, len(body), _PIECE_BYTES):
                more = start + _PIECE_BYTES < len(body) or message.get("more_body", False)
                await send({**message, "body": body[start : start + _PIECE_BYTES], "more_body": more})

        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        async with self._downloads if scope["path"] == _DOWNLOAD else self._answers:
            try:
                await self.app(scope, receive, in_pieces)
            except BrokenOffError:
                return  # the server closes the connection, so that the client sees that the answer is not whole
