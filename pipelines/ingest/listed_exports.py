"""Defines what is known of an export without reading it: enough to notice later that it changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListedExport:
    """A file or an object that a pattern matched.

    Attributes:
        size: Bytes as stored.
        revision: What changes with every write: nanoseconds of its modification on a disk, the generation of an object
            in a bucket. None where its store tells neither.
        status: (inode, nanoseconds of its last change of any kind) of a file on a disk. It may change while the bytes
            stay, for instance with a second hard link.
        checksum: What the store itself knows of the content of an object, None on a disk.
    """

    uri: str
    size: int
    revision: int | None = None
    status: tuple[int, int] | None = None
    checksum: str | None = None
