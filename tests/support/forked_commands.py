"""`metadata-etl` for shells: a program of that name that has its work done by a process forked from a loaded one.

Scripts that call the command many times, as the pages do, would load Beam each time: 2 s of CPU. The program hands its
arguments, environment, folder and streams over a socket to a thread of the tests, which has `support.preloaded` fork
the command, and ends with its exit code.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import preloaded

_LONGEST = 1 << 20
"""Bytes of a message."""
_PROGRAM = """#!{python} -IS
import json, os, socket, sys

asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
asked.connect({address!r})
request = {{"words": sys.argv[1:], "script": None, "environment": dict(os.environ), "folder": os.getcwd()}}
socket.send_fds(asked, [json.dumps(request).encode()], [0, 1, 2])
code = int(asked.recv(64))
sys.exit(code if code >= 0 else 128 - code)
"""


@contextmanager
def forked_commands(folder: Path) -> Iterator[Path]:
    """The folder with the program, for the front of PATH, as long as the block; commands run one at a time."""
    address, place = folder / "commands", folder / "bin"
    place.mkdir(parents=True)
    program = place / "metadata-etl"
    program.write_text(_PROGRAM.format(python=sys.executable, address=f"{address}"), "utf-8")
    program.chmod(0o755)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(f"{address}")
        listening.listen()
        thread = threading.Thread(target=_serve, args=(listening,))
        thread.start()
        try:
            yield place
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listening: socket.socket) -> None:
    server = preloaded.server()
    while True:
        try:
            asked, _ = listening.accept()
        except OSError:  # the block has ended
            return
        with asked:
            request, streams, _, _ = socket.recv_fds(asked, _LONGEST, 3)
            pid = server.start(request, streams)
            for stream in streams:
                os.close(stream)
            asked.send(json.dumps(server.code(pid, None)).encode())
