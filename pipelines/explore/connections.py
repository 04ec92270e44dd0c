"""Connections of clients: those that neither ask nor take their answer are closed, so that nobody holds the server."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""How long a client may take for the head of a request."""
STALL_SECONDS = 30.0
"""How long a client may take nothing of an answer that it asked for."""
MOST = 256
"""Connections at the same time; another one gets 503."""
HEAD_BYTES = 256 * 2**10
"""The longest head of a request: a query stands in it, with up to thousands of values."""


class PatientProtocol(H11Protocol):
    """A connection that is closed once its client keeps it waiting for too long."""

    _asking: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Waits for a request."""
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Takes bytes of a request."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_request()
        else:
            _cancel(self._asking)
            self._asking = None

    def pause_writing(self) -> None:
        """The client takes its answer slower than it is made."""
        super().pause_writing()
        self._await_taking(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has taken what was written."""
        super().resume_writing()
        _cancel(self._taking)
        self._taking = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        _cancel(self._asking)
        _cancel(self._taking)
        super().connection_lost(exc)

    def _await_request(self) -> None:
        """Closes the connection after a while, unless a request comes until then; a beginning alone is none."""
        if self._asking is None:
            self._asking = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _await_taking(self, left: int) -> None:
        """Closes the connection after a while, unless some of the bytes that are left were taken until then."""

        def look() -> None:
            now = self.transport.get_write_buffer_size()
            if now >= left:
                self.transport.abort()
            else:
                self._await_taking(now)

        self._taking = self.loop.call_later(STALL_SECONDS, look)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
