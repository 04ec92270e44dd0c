"""Reads a dataset: its versions, their files and documents; and makes the manifest of a new version."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self, cast

from pipelines.dataset.documents import reading
from pipelines.dataset.documents.types import FORMAT, SHAPES, FileJson
from pipelines.dataset.store.base import MANIFEST, Store, join, version_folder
from pipelines.dataset.store.local import LocalStore
from pipelines.dataset.store.marker import MARKER, record_path
from pipelines.errors import DamagedDatasetError, UsageError
from transforms.beam.states import BASES
from transforms.beam.stored_files import StoredFile, is_local, read_if_there
from transforms.beam.verified_files import verified
from transforms.damage import damaged_file
from transforms.errors import DamagedFileError
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Version:
    """A published version.

    Attributes:
        root: URI of the dataset.
        number: From 1.
        manifest: As published.
        pointer: What CURRENT said where this is the current version.
        parts: Kind of files (a group, `state/GROUP`, `cache_keys`, `rejections` and so on) to part number to file; of
            documents by their names, under 0.
    """

    root: str
    number: int
    manifest: JsonObject
    pointer: bytes | None
    parts: Mapping[str, Mapping[int, StoredFile]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Puts the files of the manifest in order, once."""
        parts: dict[str, dict[int, StoredFile]] = {}
        start = f"{version_folder(self.number)}/"
        for file in cast("list[FileJson]", self.manifest["files"]):
            path = file["path"]
            kind, number = reading.file_place(path, self.number)
            stored = StoredFile(
                join(self.root, path), path.removeprefix(start), file["records"], file["bytes"], file["sha256"]
            )
            parts.setdefault(kind, {})[number or 0] = stored
        object.__setattr__(self, "parts", parts)

    @property
    def partitions(self) -> int:
        """How many parts the dataset has."""
        return cast("int", self.manifest["partitions"])

    def files(self, kind: str) -> dict[int, StoredFile]:
        """Part number to file, of one kind: a group, `state/GROUP`, `cache_keys`, `rejections` and so on."""
        return dict(self.parts.get(kind, {}))

    def states(self, group: Group) -> dict[int, StoredFile]:
        """Part number to state file, with what it is laid over."""
        bases = self.files(f"{BASES}{group}")
        return {number: replace(file, base=bases.get(number)) for number, file in self.files(f"state/{group}").items()}

    def records(self, group: Group) -> int:
        """How many rows of a group the version has."""
        return sum(file.records for file in self.files(group).values())

    def document(self, name: str) -> JsonObject:
        """A JSON document of the version, such as `schema.json`.

        Raises:
            DamagedFileError: It is damaged.
        """
        uri = join(self.root, version_folder(self.number), name)
        file = self.parts.get(name, {}).get(0)
        if file is None:
            raise damaged_file(uri, "the manifest does not list it")
        return cast("JsonObject", reading.document(bytes(verified(file)), uri, SHAPES[name]))


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: its versions, and the store that they lie in.

    Attributes:
        store: Directory or bucket.
    """

    store: Store

    @classmethod
    def at(cls, root: str) -> Self:
        """The dataset at a URI: a directory, or `gs://bucket/folder`.

        Raises:
            UsageError: There can be none.
        """
        if is_local(root):
            return cls(LocalStore(root.rstrip("/") or "/"))
        if not root.startswith("gs://"):
            raise UsageError(f"--dataset expects a directory or gs://BUCKET/FOLDER, got {root}")
        # Only where it is needed: importing it takes long.
        from pipelines.dataset.store.bucket import BucketStore  # noqa: PLC0415 - see above

        return cls(BucketStore(root))

    @property
    def root(self) -> str:
        """Its URI."""
        return self.store.root

    def current(self) -> Version | None:
        """The version that readers see, None where nothing is published yet.

        Raises:
            UsageError: The place holds something else than a dataset.
            DamagedFileError: CURRENT is damaged, or what it names.
            DamagedDatasetError: Its marker is not what it was, or is missing (P6).
        """
        pointer = self.store.pointer()
        if self.store.identity() is None:
            self._check_unmarked(pointer)
        return None if pointer is None else self.at_number(reading.pointer(pointer, self.root), pointer)

    def _check_unmarked(self, pointer: bytes | None) -> None:
        """Raises the right error where there is no marker; nothing if the place is free for a new dataset."""
        try:
            number = 0 if pointer is None else reading.pointer(pointer, self.root)
            data = read_if_there(join(self.root, version_folder(number), MANIFEST)) if number else None
            if data is not None:
                reading.manifest(data, self.root, number)
        except DamagedFileError:  # others have files called CURRENT too
            data = None
        except reading.OtherFormatError as error:
            raise _other_format(self.root, error) from error
        if data is None:
            self.store.check_free()
            return
        raise DamagedDatasetError(
            f"{self.root}/{MARKER} is missing, by which a dataset is known: copy the dataset whole, files whose names "
            "begin with a dot too, or rebuild it with `metadata-etl backfill` elsewhere"
        )

    def published(self) -> Version:
        """The version that readers see.

        Raises:
            UsageError: Nothing is published there.
        """
        version = self.current()
        if version is None:
            raise UsageError(f"{self.root} is no dataset: nothing is published there; `metadata-etl ingest` makes one")
        return version

    def versions(self) -> list[Version]:
        """The current version and those before it that are still there, the newest first.

        Raises:
            UsageError: Nothing is published there.
        """
        current = self.published()
        return [
            current,
            *(self.at_number(number, None) for number in reversed(self.store.numbers()) if number < current.number),
        ]

    def parent(self, version: Version) -> Version | None:
        """The version that another one came from; None for a first one, or where it is not there any more."""
        number = cast("int | None", version.manifest["parent"])
        return self.at_number(number, None) if number is not None and number in self.store.numbers() else None

    def version(self, number: int) -> Version:
        """A published version.

        Raises:
            UsageError: There is none of that number.
        """
        current = self.published()
        if number == current.number:
            return current
        older = [each for each in reversed(self.store.numbers()) if each < current.number]
        if number in older:
            return self.at_number(number, None)
        there = ", ".join(map(str, [current.number, *older]))
        raise UsageError(f"{self.root} has no version {number}; it has {there}")

    def at_number(self, number: int, pointer: bytes | None) -> Version:
        """A version that is known to be there, or was when CURRENT said what `pointer` says.

        Raises:
            DamagedFileError: Its manifest is damaged, or not there any more; or what the dataset recorded of it.
            UsageError: Another release published it.
        """
        try:
            return Version(self.root, number, reading.manifest(self._manifest(number), self.root, number), pointer)
        except reading.OtherFormatError as error:
            raise _other_format(self.root, error) from error

    def _manifest(self, number: int) -> bytes:
        """The bytes of the manifest of a version, as they were recorded."""
        uri = join(self.root, version_folder(number), MANIFEST)
        recorded = self.store.recorded(number)
        if recorded is None and (data := read_if_there(uri)) is not None:
            reading.manifest(data, self.root, number)  # early releases recorded nothing
        told = reading.record(recorded, self.root, number)
        try:
            return bytes(verified(StoredFile(uri, MANIFEST, 0, told["bytes"], told["sha256"])))
        except DamagedFileError as error:
            raise damaged_file(uri, f"{error.reason}, as {record_path(number)} has it") from error


def _other_format(root: str, error: reading.OtherFormatError) -> UsageError:
    return UsageError(
        f"{root} has the format {error} of another release, this one reads {FORMAT}: rebuild it with "
        "`metadata-etl backfill` in another directory"
    )


def manifest(
    *,
    version: int,
    parent: int | None,
    partitions: int,
    inputs: Sequence[JsonObject],
    options: JsonObject,
    cache_key: str,
    counts: JsonObject,
    cache_keys: Mapping[str, int],
    warnings: Mapping[str, int],
    files: Sequence[StoredFile],
    schema_fingerprint: str,
    declared: JsonObject,
    sticky_text: JsonObject,
) -> JsonObject:
    """The manifest of a version (INTERFACE). Only `published_at` depends on when it was made (P3).

    `cache_key` (what is hashed for keys), `partitions`, `declared` (D1) and `sticky_text` (the fields that are text for
    good, T2) are the dataset's, kept from version to version.
    """
    listed: list[JsonValue] = [
        {
            "path": f"{version_folder(version)}/{file.path}",
            "records": file.records,
            "bytes": file.bytes,
            "sha256": file.sha256,
        }
        for file in sorted(files, key=lambda each: each.path)
    ]
    return {
        "format": FORMAT,
        "version": version,
        "parent": parent,
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "partitions": partitions,
        "cache_key": cache_key,
        "options": options,
        "inputs": list(inputs),
        "counts": counts,
        "cache_keys": dict(cache_keys),
        "warnings": dict(warnings),
        "declared": declared,
        "sticky_text": sticky_text,
        "schema_fingerprint": schema_fingerprint,
        "files": listed,
    }


def document_text(document: JsonObject) -> bytes:
    """The bytes of a JSON document of a version."""
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
