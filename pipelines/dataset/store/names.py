"""Tells the names of a dataset's own files and folders from foreign ones (P6)."""

import re
from collections.abc import Iterable

from pipelines.dataset.documents.paths import DOCUMENTS, version_folder

_RUN = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{6}")
_VERSION = re.compile(r"[0-9]{6,}")
_PART = re.compile(r"(?:[a-z0-9_]+/){1,3}part-[0-9]{5,}-of-[0-9]{5,}\.[a-z0-9]+")
_SYSTEM = re.compile(r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.localized|\.directory")
_MOST_SHOWN = 10


def is_run_id(name: str) -> bool:
    """Whether a name has the form of `new_run_id`."""
    return _RUN.fullmatch(name) is not None


def version_number(name: str) -> int | None:
    """The number of the version whose folder has this name; None if it is not the name of a version.

    >>> version_number("000003"), version_number("2024"), version_number("٣٣٣٣٣٣")
    (3, None, None)
    """
    if _VERSION.fullmatch(name) is None:
        return None
    number = int(name)
    return number if number and version_folder(number).endswith(f"/{name}") else None


def is_version_file(path: str) -> bool:
    """Whether a path, below the folder of a version, is that of a document, a part or a system file."""
    return path in DOCUMENTS or _PART.fullmatch(path) is not None or is_system_file(path.rpartition("/")[2])


def is_system_file(name: str) -> bool:
    """Whether file managers create files of this name, such as `.DS_Store`."""
    return _SYSTEM.fullmatch(name) is not None


def listed(names: Iterable[str]) -> str:
    """The first names for a message, and how many more there are; unprintable characters are escaped."""
    shown = [name if name.isprintable() else ascii(name) for name in names]
    more = len(shown) - _MOST_SHOWN
    return ", ".join(shown[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
