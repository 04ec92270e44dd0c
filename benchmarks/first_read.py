"""When a command first reads from its exports, told by the kernel (inotify), without looking into the command.

Linux only. A read through a memory map is not seen.
"""

import ctypes
import os
import select
import struct
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

IN_ACCESS = 0x00000001
IN_ISDIR = 0x40000000
EVENT = struct.Struct("iIII")
"""`struct inotify_event` (inotify(7)): watch, mask, cookie, length of the name behind it."""
BUFFER_BYTES = 65_536
WAIT_SECONDS = 0.1


class FirstRead:
    """Watches the folders of some files while its `with` block lasts, or until one of the files is read.

    Attributes:
        at: `time.perf_counter()` of the first read, None if none was seen.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.at: float | None = None
        self._folders = {path.resolve().parent for path in files}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Begins to watch.

        Raises:
            OSError: if the kernel refuses.
        """
        if self._folders:
            library = ctypes.CDLL(None, use_errno=True)
            self._descriptor = _checked(library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
            for folder in self._folders:
                _checked(library.inotify_add_watch(self._descriptor, os.fsencode(folder), IN_ACCESS))
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends to watch."""
        if self._folders:
            self._ended.set()
            self._thread.join()
            if self._descriptor >= 0:
                os.close(self._descriptor)

    def _watch(self) -> None:
        while not self._ended.is_set():
            ready, _, _ = select.select([self._descriptor], [], [], WAIT_SECONDS)
            if ready and _reads(os.read(self._descriptor, BUFFER_BYTES)):
                self.at = time.perf_counter()
                # Watched no longer: the events of a long run would only cost time.
                os.close(self._descriptor)
                self._descriptor = -1
                return


def _reads(events: bytes) -> bool:
    """Returns whether one of the events is the read of a file; listing a folder is an access to that folder."""
    place = 0
    while place < len(events):
        _, mask, _, length = EVENT.unpack_from(events, place)
        if mask & IN_ACCESS and not mask & IN_ISDIR:
            return True
        place += EVENT.size + length
    return False


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
