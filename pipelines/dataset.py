"""A dataset as it is read: its versions, their files and documents, the manifest."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self, cast

from pipelines.errors import UsageError
from pipelines.stores.local import LocalStore
from pipelines.stores.store import CURRENT, MANIFEST, Store, join, version_folder
from transforms.elements import Held
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.values import JsonObject, JsonValue
from transforms.states import BASES
from transforms.stored_files import StoredFile, is_local, read_bytes

FORMAT = 2
"""Of the manifest, and of what `state` holds."""
_DECIDING = ("type", "storage", "column", "minimum", "maximum")
"""What of a field in `schema.json` decides how its values are written and counted."""


@dataclass(frozen=True, slots=True)
class Version:
    """A published version.

    Attributes:
        root: URI of the dataset.
        number: From 1.
        manifest: As published.
        pointer: What CURRENT said where this is the current version.
    """

    root: str
    number: int
    manifest: JsonObject
    pointer: bytes | None

    @property
    def partitions(self) -> int:
        """How many parts the dataset has."""
        return cast("int", self.manifest["partitions"])

    def files(self, kind: str) -> dict[int, StoredFile]:
        """Part number to file, of one kind: a group, `state/GROUP`, `cache_keys`, `rejections` and so on."""
        found = {}
        start = f"{version_folder(self.number)}/"
        for file in cast("list[dict[str, Any]]", self.manifest["files"]):
            path = str(file["path"]).removeprefix(start)
            folder, _, name = path.rpartition("/")
            if folder == kind:
                stored = StoredFile(join(self.root, file["path"]), path, file["records"], file["bytes"], file["sha256"])
                found[int(name.split("-")[1])] = stored
        return found

    def states(self, group: Group) -> dict[int, StoredFile]:
        """Part number to state file, with what it is laid over."""
        bases = self.files(f"{BASES}{group}")
        return {number: replace(file, base=bases.get(number)) for number, file in self.files(f"state/{group}").items()}

    def records(self, group: Group) -> int:
        """How many rows of a group the version has."""
        return sum(file.records for file in self.files(group).values())

    def held(self) -> Held:
        """What a job goes on from."""
        groups = cast("dict[Group, dict[str, JsonObject]]", self.document("schema.json")["groups"])
        return Held(
            version=self.number,
            states=_by_partition(self.states),
            summaries=self.files("state/summaries"),
            rows=_by_partition(self.files),
            insights=self.files("state/insights"),
            keys=self.files("cache_keys"),
            key_uses=self.files("state/cache_keys"),
            fields={
                group: {
                    key: {name: cast("JsonObject", field)[name] for name in _DECIDING}
                    for key, field in described["fields"].items()
                }
                for group, described in groups.items()
            },
        )

    def document(self, name: str) -> JsonObject:
        """A JSON document of the version, such as `schema.json`."""
        return cast("JsonObject", json.loads(read_bytes(join(self.root, version_folder(self.number), name))))


def _by_partition(files: Callable[[Group], Mapping[int, StoredFile]]) -> dict[int, dict[Group, StoredFile]]:
    found: dict[int, dict[Group, StoredFile]] = {}
    for group in GROUPS:
        for number, file in files(group).items():
            found.setdefault(number, {})[group] = file
    return found


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
        from pipelines.stores.bucket import BucketStore  # noqa: PLC0415 - see above

        return cls(BucketStore(root))

    @property
    def root(self) -> str:
        """Its URI."""
        return self.store.root

    def current(self) -> Version | None:
        """The version that readers see, None where nothing is published yet.

        Raises:
            UsageError: The place holds something else than a dataset.
        """
        pointer = self.store.pointer()
        if pointer is None:
            self.store.check_free()
            return None
        try:
            named = json.loads(pointer)
            manifest = json.loads(read_bytes(join(self.root, named["manifest"])))
            if manifest["format"] != FORMAT:
                raise UsageError(
                    f"{self.root} has the format {manifest['format']}, this release reads {FORMAT}: "
                    "build it anew with `metadata-etl backfill` in another directory"
                )
            return Version(self.root, int(named["version"]), manifest, pointer)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise UsageError(
                f"{self.root} is no dataset that can be read: {CURRENT} or the manifest it names is broken ({error}); "
                "restore them, or name another directory"
            ) from error

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
            OSError: It is not there any more.
        """
        manifest = json.loads(read_bytes(join(self.root, version_folder(number), MANIFEST)))
        return Version(self.root, number, manifest, pointer)


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
