"""Describes damaged files of a dataset to a person: the fault, its effect, and the remedy (P7)."""

import re
import shlex
from dataclasses import dataclass

from transforms.errors import DamagedFileError, one_line
from transforms.rules.export_rows import GROUPS

_VERSION = re.compile(r"(?P<root>.+)/versions/(?P<version>\d+)/(?P<path>.+)", re.DOTALL)
_RECORD = re.compile(r"(?P<root>.+)/\.metadata-etl/manifests/(?P<version>\d+)\.json", re.DOTALL)
_POINTER = re.compile(r"(?P<root>.+)/CURRENT", re.DOTALL)
_PART = re.compile(r"(?P<kind>.+)/part-(?P<number>\d+)-of-\d+\.\w+", re.DOTALL)
_SHOWN = 12
"""Digits of a digest in a message."""
REBUILT = frozenset({"schema.json", "state/summaries", "state/insights", "cache_keys"})
"""Kinds of files, besides the rows, that a job rebuilds from others; every job writes `insights.json` from scratch."""
_HOLDS = {
    "manifest.json": "the list of all files",
    "schema.json": "the schema of all groups",
    "insights.json": "counts for the insights page",
    "state/insights": "counts for the insights page",
    "state/summaries": "what the schema is computed from",
    "cache_keys": "cache keys of URLs",
    "state/cache_keys": "the uses of cache keys",
    "uploads": "the cache keys that are new",
    "rejections": "rejected records",
}


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that differs from what was published, described for a person.

    Attributes:
        uri: Of the file.
        reason: The fault.
        affects: The content of the file, and its version.
        advice: The remedy.
    """

    uri: str
    reason: str
    affects: str
    advice: str

    def __str__(self) -> str:
        """One line for a person."""
        return one_line(f"{self.uri} is damaged: {self.reason}; it holds {self.affects}. {self.advice}")


def damage(uri: str, reason: str) -> Damage:
    """The description of a damaged file.

    Args:
        uri: Of the file: CURRENT, the record of a manifest, or a file in the folder of a version or of a run.
        reason: The fault.

    >>> print(damage("d/versions/000002/items/part-00003-of-00008.avro", "expected 7 bytes, got 6").affects)
    the rows of items, partition 3 of version 2
    """
    if (place := _POINTER.fullmatch(uri)) is not None:
        return Damage(
            uri,
            reason,
            "the number of the version that readers see",
            'Restore it from a copy, or write into it which version that is, such as {"version": 1, '
            '"manifest": "versions/000001/manifest.json"}; the folders of versions/ say which are there; '
            f"{verify_advice(place['root'])}",
        )
    if (place := _RECORD.fullmatch(uri)) is not None:
        affects = f"what the manifest of version {int(place['version'])} has to be"
        return Damage(
            uri, reason, affects, f"{_advice('manifest.json', place['root'])}; {verify_advice(place['root'])}"
        )
    place = _VERSION.fullmatch(uri)
    if place is None:
        return Damage(uri, reason, "what a step of this job wrote for the next one", "Run the job again")
    root, version, path = place["root"], int(place["version"]), place["path"]
    part = _PART.fullmatch(path)
    kind = path if part is None else part["kind"]
    where = f"version {version}" if part is None else f"partition {int(part['number'])} of version {version}"
    if kind == "rejections":
        where = f"version {version}"
    return Damage(uri, reason, f"{_holds(kind)}, {where}", f"{_advice(kind, root)}; {verify_advice(root)}")


def damaged_file(uri: str, reason: str) -> DamagedFileError:
    """The error of a step or a command that reads a damaged file."""
    error = DamagedFileError(f"{damage(uri, reason)}")
    error.uri, error.reason = uri, reason
    return error


def version_of(uri: str) -> tuple[str, int] | None:
    """The dataset and the number of the version that a file belongs to, by its URI; None if to none.

    >>> version_of("d/versions/000002/items/part-00003-of-00008.avro"), version_of("d/CURRENT")
    (('d', 2), None)
    """
    place = _VERSION.fullmatch(uri) or _RECORD.fullmatch(uri)
    return None if place is None else (place["root"], int(place["version"]))


def digests_differ(expected: str, got: str) -> str:
    """The fault of a file with the expected size and another SHA-256."""
    return f"expected the SHA-256 {expected[:_SHOWN]}..., got {got[:_SHOWN]}..."


def is_rebuilt(path: str) -> bool:
    """Whether an ingest rebuilds a file of a version, given its path below the folder of the version."""
    part = _PART.fullmatch(path)
    kind = path if part is None else part["kind"]
    return kind in REBUILT or kind in GROUPS or kind == "insights.json"


def _holds(kind: str) -> str:
    group = kind.rpartition("/")[2]
    if group in GROUPS and kind != group:
        return f"the rows of {group} that queries and updates read"
    return _HOLDS.get(kind, f"the rows of {kind}")


def _advice(kind: str, root: str) -> str:
    again = "build the dataset in another directory with `metadata-etl backfill`"
    if kind in REBUILT or kind in GROUPS or kind == "insights.json":
        return "Restore it from a copy, or run an ingest with --verify: it rebuilds the file in a new version"
    if kind == "rejections":
        return "Restore it from a copy; the records of the version are not affected"
    if kind == "uploads":
        return "Restore it from a copy, or take the rows of cache_keys whose first_version is that version"
    if kind == "manifest.json":
        return f"Restore it from a copy, or {again}"
    older = f"go back to a version that does not share it with `metadata-etl rollback {shlex.quote(root)} VERSION`"
    return f"Restore it from a copy, {older}, or {again}"


def verify_advice(root: str) -> str:
    """The advice to run the command that lists all damage of a dataset."""
    return f"`metadata-etl verify {shlex.quote(root)}` lists all damage"
