"""Reads a dataset: its versions, their files and documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

from pipelines.dataset.documents import reading
from pipelines.dataset.documents.paths import INSIGHTS, MANIFEST, SCHEMA, record_path, version_folder
from pipelines.dataset.documents.types import (
    FORMAT,
    InsightsJson,
    ManifestJson,
    SchemaJson,
)
from pipelines.dataset.store.base import Store
from pipelines.dataset.store.local import LocalStore
from pipelines.dataset.store.marker import MARKER
from pipelines.errors import DamagedDatasetError, UsageError, shell_command
from transforms.damage import damaged_file
from transforms.errors import DamagedFileError
from transforms.rules.export_rows import GROUPS, Group
from transforms.storage.stored_files import BASES, StoredFile, is_local, join, local_path, read_if_there
from transforms.storage.verified_files import verified

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Version:
    """A published version.

    Attributes:
        root: URI of the dataset.
        number: From 1.
        manifest: As published.
        pointer: The bytes of CURRENT if this is the current version, else None.
        parts: Kind of files (a group, `state/GROUP`, `cache_keys`, `rejections` and so on) to part number to file;
            documents have their names as kinds, and part number 0.
    """

    root: str
    number: int
    manifest: ManifestJson
    pointer: bytes | None
    parts: Mapping[str, Mapping[int, StoredFile]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Indexes the files of the manifest."""
        parts: dict[str, dict[int, StoredFile]] = {}
        start = f"{version_folder(self.number)}/"
        for file in self.manifest["files"]:
            path = file["path"]
            kind, number = reading.file_place(path, self.number)
            stored = StoredFile(
                join(self.root, path), path.removeprefix(start), file["records"], file["bytes"], file["sha256"]
            )
            parts.setdefault(kind, {})[number or 0] = stored
        object.__setattr__(self, "parts", parts)

    @property
    def partitions(self) -> int:
        """Number of partitions of the dataset."""
        return self.manifest["partitions"]

    @property
    def sticky_text(self) -> dict[Group, list[str]]:
        """Group to its fields that are text permanently (T2)."""
        return {group: self.manifest["sticky_text"][group] for group in GROUPS}

    @property
    def facts(self) -> dict[str, str]:
        """What files of other programs say about the version they are of: name to text."""
        return {"metadata-etl.version": f"{self.number}", "metadata-etl.schema": self.manifest["schema_fingerprint"]}

    def files(self, kind: str) -> dict[int, StoredFile]:
        """Part number to file, of one kind: a group, `state/GROUP`, `cache_keys`, `rejections` and so on."""
        return dict(self.parts.get(kind, {}))

    def states(self, group: Group) -> dict[int, StoredFile]:
        """Part number to state file, each with its base file if it is a delta."""
        bases = self.files(f"{BASES}{group}")
        return {number: replace(file, base=bases.get(number)) for number, file in self.files(f"state/{group}").items()}

    def records(self, group: Group) -> int:
        """Number of rows of a group."""
        return sum(file.records for file in self.files(group).values())

    def schema(self) -> SchemaJson:
        """Its `schema.json`.

        Raises:
            DamagedFileError: It is damaged.
        """
        return self._document(SCHEMA, SchemaJson)

    def insights(self) -> InsightsJson:
        """Its `insights.json`; raises as `schema`."""
        return self._document(INSIGHTS, InsightsJson)

    def _document(self, name: str, shape: type[_T]) -> _T:
        uri = join(self.root, version_folder(self.number), name)
        file = self.parts.get(name, {}).get(0)
        if file is None:
            raise damaged_file(uri, "the manifest does not list it")
        return reading.document(bytes(verified(file)), uri, shape)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: the versions in a store.

    Attributes:
        store: A directory or a bucket.
    """

    store: Store

    @classmethod
    def at(cls, root: str) -> Self:
        """The dataset at a URI: a directory (also as `file:///path`), or `gs://bucket/folder`.

        Raises:
            UsageError: It is neither.
        """
        if not root:
            raise UsageError("--dataset expects a directory, got nothing")
        if is_local(root):
            return cls(LocalStore(local_path(root).rstrip("/") or "/"))
        if not root.startswith("gs://"):
            raise UsageError(f"--dataset expects a directory or gs://BUCKET/FOLDER, got {root}")
        # Imported only where it is needed, because that takes long.
        from pipelines.dataset.store.bucket import BucketStore  # noqa: PLC0415 - see above

        return cls(BucketStore(root))

    @property
    def root(self) -> str:
        """URI of the dataset."""
        return self.store.root

    def current(self) -> Version | None:
        """The current version; None if nothing is published yet.

        Raises:
            UsageError: The place contains files but no dataset.
            DamagedFileError: CURRENT or the manifest that it names is damaged.
            DamagedDatasetError: The marker is damaged or missing (P6).
        """
        pointer = self.store.pointer()
        if self.store.identity() is None:
            self._check_unmarked(pointer)
        return None if pointer is None else self.at_number(reading.pointer(pointer, self.root), pointer)

    def _check_unmarked(self, pointer: bytes | None) -> None:
        """Raises the right error for a place without a marker, unless it is free for a new dataset."""
        try:
            number = reading.pointer(pointer, self.root)
            data = read_if_there(join(self.root, version_folder(number), MANIFEST)) if number else None
            if data is not None:
                reading.manifest(data, self.root, number)
        except DamagedFileError:  # a foreign file can be called CURRENT too
            data = None
        except reading.OtherFormatError as error:
            raise _other_format(self.root, error) from error
        if data is None:
            self.store.check_free()
            return
        raise DamagedDatasetError(
            f"{self.root}/{MARKER}, which identifies the dataset, is missing: copy the whole dataset, including files "
            "whose names begin with a dot, or rebuild it with `metadata-etl backfill` elsewhere"
        )

    def published(self) -> Version:
        """The current version; raises as `current`.

        Raises:
            UsageError: Nothing is published there.
        """
        version = self.current()
        if version is not None:
            return version
        runs = self.store.reported_runs()
        if not runs:
            raise UsageError(f"{self.root} is no dataset: nothing is published there; `metadata-etl ingest` makes one")
        command = shell_command("rejections", self.root, "--run", runs[-1])
        raise UsageError(
            f"{self.root} has no version: nothing is published there yet; `{command}` shows what its last job rejected"
        )

    def versions(self) -> list[Version]:
        """The current version and the earlier ones that still exist, newest first.

        Raises:
            UsageError: Nothing is published there.
        """
        current = self.published()
        older = (self._older(number) for number in reversed(self.store.version_numbers()) if number < current.number)
        return [current, *filter(None, older)]

    def parent(self, version: Version) -> Version | None:
        """The parent of a version; None for a first version, or if the parent was removed."""
        number = version.manifest["parent"]
        return self._older(number) if number is not None and number in self.store.version_numbers() else None

    def version(self, number: int | None) -> Version:
        """A published version, the current one for None.

        Raises:
            UsageError: There is no version of that number.
        """
        current = self.published()
        if number is None or number == current.number:
            return current
        older = [each for each in reversed(self.store.version_numbers()) if each < current.number]
        if number in older and (found := self._older(number)) is not None:
            return found
        there = ", ".join(map(str, [current.number, *(each for each in older if each != number)]))
        raise UsageError(f"{self.root} has no version {number}; it has {there}")

    def numbers_without(self, number: int) -> list[int]:
        """The numbers of the published versions, newest first, if an older one of this number was pruned; else none.

        Raises:
            DamagedFileError: CURRENT is damaged.
        """
        current = reading.pointer(self.store.pointer(), self.root)
        there = [each for each in reversed(self.store.version_numbers()) if each <= current]
        return [] if number >= current or number in there else there

    def _older(self, number: int) -> Version | None:
        """An earlier version that was listed; None if it was pruned since."""
        try:
            return self.at_number(number, None)
        except DamagedFileError:
            if number in self.store.version_numbers():
                raise
            return None

    def at_number(self, number: int, pointer: bytes | None) -> Version:
        """Loads a version by its number; `pointer` is the content of CURRENT if it is the current one.

        Raises:
            DamagedFileError: Its manifest, or the record of that, is damaged or missing.
            UsageError: Another release published it.
        """
        try:
            return Version(self.root, number, reading.manifest(self._manifest(number), self.root, number), pointer)
        except reading.OtherFormatError as error:
            raise _other_format(self.root, error) from error

    def _manifest(self, number: int) -> bytes:
        """The bytes of the manifest of a version, verified against their record."""
        uri = join(self.root, version_folder(number), MANIFEST)
        recorded = self.store.manifest_record(number)
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
