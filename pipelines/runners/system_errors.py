"""Explains errors of the operating system, such as a full disk, in one line that says what to do."""

import errno
import os
import re
from collections.abc import Mapping

from pipelines.errors import JobError
from transforms.errors import one_line

_NUMBER = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")
"""How Python and Rust name an error of the system in a text."""
_STEP_NAME = re.compile(r" \[while running '[^\n]*'\]$")
"""What Beam adds to the text of an error."""
_NO_MEMORY = re.compile(r"^(?:\w+\.)*(?:ArrowMemoryError|MemoryError)\b")
_ADVICE: Mapping[int, str] = {
    errno.ENOSPC: "free space on that disk, or take another, also for temporary files, by TMPDIR",
    errno.EDQUOT: "remove something, or ask for more than this quota; TMPDIR says where temporary files go",
    errno.EFBIG: "raise the limit (`ulimit -f unlimited`), or take a file system that allows larger files",
    errno.EMFILE: "raise the limit (`ulimit -n 4096`), or take fewer workers (`-- --direct_num_workers=1`)",
    errno.ENFILE: "have other processes close files, or raise the limit of the system (fs.file-max)",
    errno.EROFS: "take a dataset, and by TMPDIR temporary files, on a file system that can be written to",
    errno.EACCES: "have the rights changed, or take another place",
    errno.EPERM: "have the rights changed, or take another place",
    errno.ENOMEM: "free memory, or take fewer workers (`-- --direct_num_workers=1`) or more partitions",
    errno.EAGAIN: "end other processes, or raise the limit (`ulimit -u`)",
    errno.EIO: "have the disk looked at",
    errno.ESTALE: "have the network disk looked at",
}


def system_error(error: BaseException) -> JobError | None:
    """The error for a person where the system refused something; None where it did not, or nobody knows what to do.

    Args:
        error: What was raised: by the system, by a library that tells of it, or by a runner that has the traceback of
            a worker as its text.
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
