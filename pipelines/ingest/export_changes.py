"""Detects exports that changed since the job was planned; such a job publishes nothing (R4).

An export that is written while the job reads it would be published in part. So before anything is published, each
export is compared with what was planned: a file by size and modification time, an object by its generation.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.ingest import local_exports
from pipelines.ingest.listed_exports import ListedExport
from transforms.stages.elements import Export
from transforms.storage.stored_files import is_local, open_to_read, refusal, refusals

_SHOWN = 3
_HASH_BYTES = 1024 * 1024

Digests = Mapping[int, Mapping[int, str]]
"""Number of an export to the starts of its byte ranges to the SHA-256 of each, as the job read them."""


@dataclass(frozen=True, slots=True)
class Review:
    """The state of the exports after they were read.

    Attributes:
        changes: Name of each changed export to what happened to it.
        checksums: Number of each export in a bucket to its checksum there.
    """

    changes: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[int, str | None] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The message: why nothing is published, and what to do."""
        some = [f"{name} {what}" for name, what in list(self.changes.items())[:_SHOWN]]
        more = len(self.changes) - len(some)
        listed = "; ".join([*some, f"and {more} more"] if more > 0 else some)
        exports = "an export" if len(self.changes) == 1 else f"{len(self.changes)} exports"
        return (
            f"{exports} changed while the job read: {listed}. Run the job again when nothing writes to them any more; "
            "give a file its final name only when it is complete"
        )


def review(exports: Sequence[Export], digests: Digests) -> Review:
    """Compares the exports of a job with their current state, after they were read.

    Args:
        exports: As they were planned.
        digests: Of the bytes that were read of local exports.

    Raises:
        OSError: The objects of a bucket cannot be listed.
    """
    local = [export for export in exports if is_local(export.uri)]
    stored = [export for export in exports if export.uri.startswith("gs://")]
    changes: dict[str, str] = {}
    for export in local:
        what = _change_on_disk(export, digests.get(export.number, {}))
        if what is not None:
            changes[export.name] = what
    checksums: dict[int, str | None] = {}
    if stored:
        found = _look(stored)
        for export in stored:
            listed = found.get(export.uri)
            what = "is not there any more" if listed is None else _change(export, listed)
            if what is not None:
                changes[export.name] = what
            checksums[export.number] = None if listed is None else listed.checksum
    return Review(changes, checksums)


def _look(stored: Sequence[Export]) -> dict[str, ListedExport]:
    from pipelines.ingest import bucket_exports  # noqa: PLC0415 - its library takes long to load

    try:
        return bucket_exports.look(export.uri for export in stored)
    except refusals() as error:
        raise OSError(f"the exports cannot be looked at again: {refusal(error)}") from error


def _change_on_disk(export: Export, digests: Mapping[int, str]) -> str | None:
    try:
        listed = local_exports.look(export.uri)
    except FileNotFoundError:
        return "is not there any more"
    except OSError as error:
        return f"cannot be looked at any more ({error.strerror})"
    what = _change(export, listed)
    if what is None and listed.status != export.status and export.status is not None and not _is_same(export, digests):
        return "was replaced"
    return what


def _change(export: Export, listed: ListedExport) -> str | None:
    if listed.size != export.size:
        return f"has {listed.size:,} bytes and had {export.size:,}"
    if export.revision is not None and listed.revision != export.revision:
        return "was written again"
    return None


def _is_same(export: Export, digests: Mapping[int, str]) -> bool:
    """Whether a file still has the bytes that were read; checked only if its inode or change time is different.

    Of an export of which nothing was read, no byte can be different.

    A second hard link, a change of owner and some network file systems change these without changing the bytes; a copy
    that preserves times may change the bytes without changing size and modification time.
    """
    starts = sorted(digests)
    stops = [*starts[1:], export.size] if starts else []
    try:
        with open_to_read(export.uri) as stream:
            for start, stop in zip(starts, stops, strict=True):
                stream.seek(start)
                sha = hashlib.sha256()
                left = stop - start
                while left > 0 and (block := stream.read(min(left, _HASH_BYTES))):
                    sha.update(block)
                    left -= len(block)
                if sha.hexdigest() != digests[start]:
                    return False
    except refusals():
        return False
    return True
