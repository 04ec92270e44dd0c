"""Finds exports on a disk: matches patterns and checks each file without opening it (R4).

Opening a FIFO waits for a writer, and a device may have no end: what is not a regular file is refused by its kind
before anything is read.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence

from pipelines.errors import UsageError
from pipelines.ingest.listed_exports import ListedExport
from pipelines.ingest.patterns import is_pattern, translated

_OF_A_PROCESS = ("/dev/fd/", "/dev/std", "/proc/")
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_INTO_A_FILE = "write its output to a file first, and name that"


def find(pattern: str) -> Iterator[ListedExport]:
    """Finds the files that a path or a pattern names, in no order.

    As in a shell, `*` enters folders that are links, and `**` does not. A file that is met in a folder and through a
    link to this folder, such as `exports/latest`, is one file.

    Raises:
        UsageError: One of them is not a readable file; the text says what it is.
        OSError: A folder cannot be listed.
        ValueError: It is no valid pattern or path.
    """
    if pattern.endswith("/"):
        pattern += "*"
    elif _is_there(pattern):
        # A file whose name contains wildcards is taken literally if it exists.
        yield checked(pattern)
        return
    root = "/" if pattern.startswith("/") else ""
    every = list(_expanded(root, pattern.lstrip("/").split("/")))
    linked = [path for path, is_linked in every if is_linked]
    paths = [path for path, is_linked in every if not is_linked]
    known = set(map(_in_real_folder, paths)) if linked else set()
    for path in sorted(linked):
        if (real := _in_real_folder(path)) not in known:
            known.add(real)
            paths.append(path)
    for path in paths:
        if _is_there(path):  # it may have been removed while the others were listed
            yield checked(path)


def look(path: str) -> ListedExport:
    """The current state of a file that was found before.

    Raises:
        OSError: It no longer exists, or its status cannot be read.
    """
    found = os.stat(path)  # noqa: PTH116 - a Path would drop `./` and double slashes from names that are kept
    return ListedExport(path, found.st_size, found.st_mtime_ns, (found.st_ino, found.st_ctime_ns))


def _in_real_folder(path: str) -> str:
    """The path with all links on the way to its folder followed."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 - as in `look`


def _expanded(parent: str, parts: Sequence[str], *, is_linked: bool = False) -> Iterator[tuple[str, bool]]:
    """The paths that match the parts of a pattern one by one.

    Args:
        parent: The folder that they are below, empty or with a slash at its end.
        parts: Of the pattern, from there on.
        is_linked: Whether a wildcard matched a link on the way to that folder.

    Returns:
        Each path, and whether a wildcard matched a link on the way to it.
    """
    part, remaining = parts[0], parts[1:]
    if "**" in part:
        yield from ((path, is_linked) for path in _below(parent, "/".join(parts)))
    elif not is_pattern(part):
        if remaining:
            yield from _expanded(f"{parent}{part}/", remaining, is_linked=is_linked)
        elif _is_there(f"{parent}{part}"):
            yield f"{parent}{part}", is_linked
    else:
        expression = translated(part)
        for entry in _entries(parent):
            if expression.fullmatch(entry.name) is None:
                continue
            if not remaining:
                yield f"{parent}{entry.name}", is_linked
            elif entry.is_dir():
                yield from _expanded(f"{parent}{entry.name}/", remaining, is_linked=is_linked or entry.is_symlink())


def _below(parent: str, pattern: str) -> Iterator[str]:
    """The files in all folders below `parent` whose path from there matches."""
    expression = translated(pattern)
    names_hidden = pattern.startswith(".") or "/." in pattern
    for folder, folders, files in os.walk(parent or ".", onerror=_raise):
        if not names_hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
        inside = os.path.relpath(folder, parent or ".")
        for name in files:
            path = name if inside == "." else f"{inside}/{name}"
            if expression.fullmatch(path):
                yield f"{parent}{path}"


def _entries(parent: str) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(parent or ".") as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _is_there(path: str) -> bool:
    """Whether this path exists, even as a broken link; raises OSError if that cannot be determined."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def checked(path: str) -> ListedExport:
    """The current state of a file that can be an export.

    Raises:
        UsageError: It is no readable file; the text says what it is.
        OSError: It is not there.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - as in `look`
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP) or not os.path.islink(path):  # noqa: PTH114 - likewise
            raise
        target = os.readlink(path)  # noqa: PTH115 - likewise
        raise UsageError(
            f"{path}: is a link to {target}, which is not there; repair the link, or name another file"
        ) from error
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(
            f"{path}: is a folder, not an export; name the files in it, such as {path.rstrip('/')}/*.ndjson"
        )
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "of a kind of its own")
        raise UsageError(f"{path}: is {kind}, not a file; {_INTO_A_FILE}")
    if path.startswith(_OF_A_PROCESS):
        raise UsageError(f"{path}: means another file in each process of the job; {_INTO_A_FILE}")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path}: cannot be read (permission denied); check its permissions")
    return ListedExport(path, found.st_size, found.st_mtime_ns, (found.st_ino, found.st_ctime_ns))


def _raise(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):  # as in `_entries`: nothing is below it
        raise error
