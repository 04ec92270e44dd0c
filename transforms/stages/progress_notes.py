"""Progress notes of the steps, in a local file that the launching process follows."""

import os


def note_progress(path: str | None, phase: str, done: int, records: int) -> None:
    """Adds a line to the progress file: one small append, whole on any local disk, from any process."""
    if path is not None:
        with open(path, "ab", buffering=0) as stream:  # noqa: PTH123 - one append, no path handling
            stream.write(f"{phase} {done} {records} {os.getpid()}\n".encode())
