"""Names the folders of model runs in an export, of formats whose records do not name their run."""

import hashlib
from collections import Counter
from collections.abc import Collection
from urllib.parse import quote

_MOST_BYTES = 255
"""Bytes of a name, as file systems allow them."""
_CUT_BYTES = _MOST_BYTES - 65
"""Bytes of a long name that are kept in front of a tilde and 64 hex digits."""


def run_folders(runs: Collection[str]) -> dict[str, str]:
    """Model run to the name of its folder: the name of the run percent-encoded, on all disks and in buckets the same.

    No two names are equal where case does not count, as on the disks of macOS and Windows: capitals of runs that differ
    in case alone are percent-encoded too. Of a name that is too long the beginning is kept, and the SHA-256 of the run
    added.

    Args:
        runs: All model runs of the version, so that a folder does not depend on what is selected.

    >>> run_folders(["detector v2", "../a", "YOLO"])
    {'detector v2': 'detector%20v2', '../a': '%2E.%2Fa', 'YOLO': 'YOLO'}
    >>> run_folders(["yolo", "Yolo"])
    {'yolo': 'yolo', 'Yolo': '%59olo'}
    """
    spellings = Counter(_encoded(run).lower() for run in runs)
    return {run: _short(run, _encoded(run, capitals=spellings[_encoded(run).lower()] > 1)) for run in runs}


def _encoded(run: str, *, capitals: bool = False) -> str:
    name = quote(run, safe="")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if not capitals:
        return name
    text, *others = name.split("%")
    return "%".join([_without_capitals(text), *(each[:2] + _without_capitals(each[2:]) for each in others)])


def _without_capitals(text: str) -> str:
    return "".join(f"%{ord(each):02X}" if each.isupper() else each for each in text)


def _short(run: str, name: str) -> str:
    """The name if it is shorter than a cut one can be, so that the two are never equal."""
    if len(name) < _MOST_BYTES:
        return name
    return f"{name[:_CUT_BYTES]}~{hashlib.sha256(run.encode()).hexdigest()}"
