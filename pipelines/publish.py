"""Versions of a dataset: what is published, and publishing in one step (P1, P2)."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from apache_beam.io.filesystems import FileSystems

from pipelines.config import UsageError
from pipelines.local_locks import exclusive, is_held
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.values import JsonObject
from transforms.stored_files import StoredFile, is_local, read_bytes, write_bytes

CURRENT = "CURRENT"
LOCK = ".lock"
MANIFEST = "manifest.json"


class AnotherJobPublishedError(Exception):
    """The dataset is not at the version that this job started from (P2, exit code 5)."""


@dataclass(frozen=True, slots=True)
class Version:
    """A published version.

    Attributes:
        root: URI of the dataset.
        number: From 1.
        manifest: As published.
    """

    root: str
    number: int
    manifest: JsonObject

    @property
    def partitions(self) -> int:
        """How many parts the dataset has."""
        return cast("int", self.manifest["partitions"])

    def files(self, kind: str) -> dict[int, str]:
        """Part number to URI of the files of one kind: a group, `state/GROUP`, `cache_keys` or `rejections`."""
        found = {}
        for file in cast("list[dict[str, str]]", self.manifest["files"]):
            folder, _, name = file["path"].rpartition("/")
            if folder.endswith(f"/{kind}") and folder.count("/") == kind.count("/") + 2:
                found[int(name.split("-")[1])] = join(self.root, file["path"])
        return found

    def states(self) -> dict[int, dict[Group, str]]:
        """Partition to group to the URI of its state file."""
        found: dict[int, dict[Group, str]] = {}
        for group in GROUPS:
            for number, uri in self.files(f"state/{group}").items():
                found.setdefault(number, {})[group] = uri
        return found

    def document(self, name: str) -> JsonObject:
        """A JSON document of the version, such as `schema.json`."""
        return cast("JsonObject", json.loads(read_bytes(join(self.root, version_folder(self.number), name))))


@dataclass(frozen=True, slots=True)
class Run:
    """A job at work on a dataset: everything it writes is below `root` until it is published."""

    id: str
    root: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset directory.

    Attributes:
        root: Its URI.
    """

    root: str

    def current(self) -> Version | None:
        """The version that readers see, None where nothing is published yet.

        Raises:
            UsageError: The directory holds something else than a dataset.
        """
        if not is_local(self.root):
            raise UsageError(
                f"{self.root}: a dataset in a bucket cannot be published yet, exports can be read from there; "
                "name a local directory"
            )
        pointer = join(self.root, CURRENT)
        if not FileSystems.exists(pointer):
            self._check_free()
            return None
        try:
            named = json.loads(read_bytes(pointer))
            manifest = json.loads(read_bytes(join(self.root, named["manifest"])))
            return Version(self.root, int(named["version"]), manifest)
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
        """The current version and those that it came from, the newest first, as far as they are still there.

        Raises:
            UsageError: Nothing is published there.
        """
        found = [self.published()]
        while (parent := found[-1].manifest["parent"]) is not None:
            path = join(self.root, version_folder(cast("int", parent)), MANIFEST)
            if not FileSystems.exists(path):
                break
            found.append(Version(self.root, cast("int", parent), json.loads(read_bytes(path))))
        return found

    def version(self, number: int) -> Version:
        """A published version.

        Raises:
            UsageError: There is none of that number.
        """
        versions = self.versions()
        for version in versions:
            if version.number == number:
                return version
        there = ", ".join(str(version.number) for version in versions)
        raise UsageError(f"{self.root} has no version {number}; it has {there}")

    def _check_free(self) -> None:
        path = Path(self.root)
        if path.exists() and not path.is_dir():
            raise UsageError(f"--dataset expects a directory, got the file {self.root}")
        known = {"runs", "versions", LOCK}
        if path.is_dir() and any(entry.name not in known for entry in path.iterdir()):
            raise UsageError(
                f"{self.root} holds files but no dataset ({CURRENT} is missing): name an empty or a new directory"
            )

    @contextmanager
    def run(self) -> Iterator[Run]:
        """A place for a job to write. What dead jobs left is removed first; what this one leaves at its end stays.

        Where the job ends in an exception, nothing stays.
        """
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        run = Run(name, join(self.root, "runs", name))
        if not is_local(self.root):
            yield run
            return
        folder = Path(run.root)
        try:
            with ExitStack() as held:
                # One job at a time, so that no sweep meets a folder whose lock is not taken yet.
                with exclusive(Path(self.root) / LOCK, wait=True):
                    self._sweep()
                    held.enter_context(exclusive(folder / LOCK))
                yield run
        except BaseException:  # an interrupted job too takes its traces along
            remove(run.root)
            raise
        finally:
            (folder / LOCK).unlink(missing_ok=True)
            self._prune_empty(folder)

    def _sweep(self) -> None:
        """Removes the runs that ended without a word: no report, and no process that holds their lock."""
        for folder in Path(self.root).glob("runs/*"):
            if not (folder / "report.json").exists() and not is_held(folder / LOCK):
                remove(folder.as_posix())

    def _prune_empty(self, folder: Path) -> None:
        for place in (folder, folder.parent, folder.parent.parent):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()

    def publish(self, run: Run, version: int, parent: int | None, keep: Sequence[str]) -> None:
        """Makes what a run wrote the current version, in one step (P1).

        The files go under their final name, which nobody reads yet; then the pointer is replaced. Whoever dies in
        between leaves the dataset as it was, and a folder that the next job to publish this version puts away.

        Args:
            run: Its folder holds the manifest and all files of the version.
            version: The number to publish.
            parent: The version that the job started from.
            keep: Folders and files of the run that are part of the version.

        Raises:
            AnotherJobPublishedError: The current version is not the parent any more (P2).
        """
        root = Path(self.root)
        with exclusive(root / LOCK, wait=True):
            now = self.current()
            if (None if now is None else now.number) != parent:
                raise AnotherJobPublishedError(
                    f"another job published version {now.number if now else 0} of {self.root} meanwhile; "
                    "run this job again on top of it"
                )
            target = root / version_folder(version)
            if target.exists():
                remove(target.as_posix())
            staged = root / "versions" / f".{run.id}"
            staged.mkdir(parents=True)
            for name in keep:
                source = Path(run.root) / name
                if source.exists():
                    source.rename(staged / name)
            staged.rename(target)
            pointer = {"version": version, "manifest": f"{version_folder(version)}/{MANIFEST}"}
            write_bytes((root / CURRENT).as_posix(), json.dumps(pointer).encode())


def version_folder(number: int) -> str:
    """Path of a version below the dataset."""
    return f"versions/{number:06d}"


def manifest(
    *,
    version: int,
    parent: int | None,
    partitions: int,
    inputs: Sequence[JsonObject],
    options: Mapping[str, str | int | bool | None],
    counts: JsonObject,
    cache_keys: Mapping[str, int],
    warnings: Mapping[str, int],
    files: Sequence[StoredFile],
    schema_fingerprint: str,
) -> JsonObject:
    """The manifest of a version (INTERFACE). Only `published_at` depends on when it was made (P3)."""
    return {
        "format": 1,
        "version": version,
        "parent": parent,
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "partitions": partitions,
        "options": dict(options),
        "inputs": list(inputs),
        "counts": counts,
        "cache_keys": dict(cache_keys),
        "warnings": dict(warnings),
        "schema_fingerprint": schema_fingerprint,
        "files": [
            {
                "path": f"{version_folder(version)}/{file.path}",
                "records": file.records,
                "bytes": file.bytes,
                "sha256": file.sha256,
            }
            for file in sorted(files, key=lambda each: each.path)
        ],
    }


def join(root: str, *parts: str) -> str:
    """A path below a root, local or not."""
    return cast("str", FileSystems.join(root, *(name for part in parts for name in part.split("/"))))


def remove(uri: str) -> None:
    """Removes a folder with all that is in it, if it is there."""
    if FileSystems.exists(uri):
        FileSystems.delete([uri])
