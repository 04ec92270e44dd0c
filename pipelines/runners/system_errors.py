"""Explains errors of the operating system, such as a full disk, in one line that says what to do."""

import errno
import os
import re
from collections.abc import Mapping

from pipelines.errors import JobError
from transforms.errors import one_line

_NUMBER = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")
"""The number of a system error in a text of Python or Rust."""
_STEP_NAME = re.compile(r" \[while running '[^\n]*'\]$")
"""Suffix that Beam appends to the text of an error."""
_NO_MEMORY = re.compile(r"^(?:\w+\.)*(?:ArrowMemoryError|MemoryError)\b")
_ADVICE: Mapping[int, str] = {
    errno.ENOSPC: "free space on that disk, or use another; TMPDIR sets where temporary files go",
    errno.EDQUOT: "remove files, or ask for a larger quota; TMPDIR sets where temporary files go",
    errno.EFBIG: "raise the limit (`ulimit -f unlimited`), or use a file system that allows larger files",
    errno.EMFILE: "raise the limit (`ulimit -n 4096`), or use fewer workers (`-- --direct_num_workers=1`)",
    errno.ENFILE: "close files in other processes, or raise the limit of the system (fs.file-max)",
    errno.ENAMETOOLONG: "use a shorter name or path",
    errno.EROFS: "put the dataset, and with TMPDIR the temporary files, on a writable file system",
    errno.EACCES: "change the permissions, or use another place",
    errno.EPERM: "change the permissions, or use another place",
    errno.ENOMEM: "free memory, use fewer workers (`-- --direct_num_workers=1`), or more partitions",
    errno.EAGAIN: "end other processes, or raise the limit (`ulimit -u`)",
    errno.EIO: "check the disk",
    errno.ESTALE: "check the network disk",
}


def system_error(error: BaseException) -> JobError | None:
    """The error to show for a system error; None if it is no system error, or one without known advice.

    Args:
        error: Raised by the system, by a library that wraps it, or by a runner with the traceback of a worker as its
            text.
    """
    if isinstance(error, MemoryError):
        return _error(errno.ENOMEM, "memory ran out")
    text = _STEP_NAME.sub("", f"{error}".strip()).rpartition("\n")[2]
    if _NO_MEMORY.match(text):
        return _error(errno.ENOMEM, "memory ran out in a worker")
    number = error.errno if isinstance(error, OSError) and error.errno is not None else _number(text)
    if number is None or number not in _ADVICE:
        return None
    _, found, what = text.rpartition("] ") if "[Errno" in text else ("", "", text)
    return _error(number, what if found else text)


def _number(text: str) -> int | None:
    found = _NUMBER.search(text)
    return None if found is None else int(found[1] or found[2])


def _error(number: int, what: str) -> JobError:
    name = os.strerror(number)
    shown = what if name.lower() in what.lower() or number == errno.ENOMEM else f"{what}: {name}"
    return JobError(f"{one_line(shown)}; {_ADVICE[number]}, and run the command again")
