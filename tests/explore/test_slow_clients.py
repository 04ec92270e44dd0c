"""Clients that ask and take nothing, ask for too much at once, or send what is no request (EXPLORER, Trust)."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from support.explorer import Explorer, exploring
from support.in_process import ingest
from support.runs import an_item, ndjson
from uvicorn.protocols.http.flow_control import FlowControl

from pipelines.explore import api, connections, gates

TEXT = "x" * 4_000
ITEMS = 4_000


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """A dataset whose download is larger than what systems keep for a client that takes nothing."""
    folder = Path(tmp_path_factory.mktemp("wide"))
    items = ndjson(folder / "items.ndjson", [an_item(f"i{at}", {"note": f"{at} {TEXT}"}) for at in range(ITEMS)])
    assert ingest(folder / "d", "--items", f"{items}").outcome == "published"
    with exploring(folder / "d") as served:
        yield served


def asking(explorer: Explorer, path: str) -> socket.socket:
    """A client that asks, and takes as little as it can."""
    name, _, port = explorer.url.removeprefix("http://").partition(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.settimeout(20)
    client.connect((name, int(port)))
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nAuthorization: Bearer {explorer.token.text}\r\n\r\n".encode()
    )
    return client


def ended(client: socket.socket) -> bytes:
    """What a client gets until the server closes the connection."""
    got = bytearray()
    with client, contextlib.suppress(ConnectionError):
        while piece := client.recv(2**20):
            got += piece
    return bytes(got)


def test_clients_that_take_nothing_of_their_downloads_hold_nobody(wide: Explorer) -> None:
    clients = [asking(wide, "/api/export?format=ndjson") for _ in range(gates.DOWNLOADS + 3)]
    assert wide.json("records", limit=1)["count"] == ITEMS
    clients.pop().close()  # one that waited for its turn goes
    assert wide.json("suggest", text="no")["suggestions"]
    for client in clients:
        client.close()
    assert wide.get("/api/export", format="ids").body.count(b"\n") == ITEMS


def test_a_client_that_takes_nothing_of_an_answer_is_let_go(wide: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.2)
    stalled = asking(wide, "/api/records?limit=1000")
    length = int(stalled.recv(400).lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert length > ITEMS * 1_000
    time.sleep(1)
    assert len(ended(stalled)) < length - 400


@pytest.mark.parametrize(
    ("left", "is_let_go"), [([900, 700, 700], True), ([900, 900], True), ([900, 899, 300, 1], False)]
)
def test_a_client_is_slow_as_long_as_it_takes_some_of_what_is_left(left: list[int], is_let_go: bool) -> None:
    loop, transport = Mock(), Mock()
    transport.get_write_buffer_size.side_effect = left
    client = object.__new__(connections.PatientProtocol)
    client.loop, client.transport, client.flow = loop, transport, FlowControl(transport)
    client.pause_writing()
    for at in range(len(left) - 1):
        (_, look), _ = loop.call_later.call_args_list[at]
        look()
    assert transport.abort.called is is_let_go
    client.resume_writing()
    assert loop.call_later.return_value.cancel.called


@pytest.mark.parametrize("beginning", [b"", b"GET /api/data"])
def test_a_client_that_does_not_ask_is_let_go(
    wide: Explorer, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.1)
    name, _, port = wide.url.removeprefix("http://").partition(":")
    client = socket.create_connection((name, int(port)), timeout=20)
    client.sendall(beginning)
    assert ended(client) == b""


def test_what_is_no_request_is_refused_without_a_line_at_the_terminal(
    wide: Explorer, capfd: pytest.CaptureFixture[str]
) -> None:
    name, _, port = wide.url.removeprefix("http://").partition(":")
    for text in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100_000):
        client = socket.create_connection((name, int(port)), timeout=20)
        with contextlib.suppress(ConnectionError):
            client.sendall(text)
        assert ended(client).startswith(b"HTTP/1.1 400 ") or not text.startswith(b"\x16")
    assert capfd.readouterr() == ("", "")


def test_a_long_query_is_taken(wide: Explorer) -> None:
    ids = ", ".join(f"i{at}" for at in range(5_000))
    assert wide.json("records", query=f"reference_id IN ({ids})", limit=1)["count"] == ITEMS


def test_a_mistake_of_this_program_is_told_at_its_terminal_and_to_the_client(
    wide: Explorer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("\x1b[2J")

    monkeypatch.setattr(api, "completion", broken)
    answer = wide.get("/api/suggest", text="x")
    assert answer.status == 500
    assert "please report it" in answer.json["error"]["message"]
    told = capfd.readouterr().err
    assert told.startswith("metadata-etl: the answer to /api/suggest failed; please report it")
    assert "ZeroDivisionError: \\x1b[2J" in told
