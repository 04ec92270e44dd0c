"""Lists, reads and deletes the objects of a dataset in a bucket, and tells them from foreign objects (P6)."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, cached_property

from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage

from pipelines.dataset.documents.paths import MANIFEST, MANIFESTS, record_path, version_folder
from pipelines.dataset.store.marker import MARKER, REMOVED, dataset_id, new_marker
from pipelines.dataset.store.names import is_system_file, is_version_file, listed, version_number
from pipelines.errors import UsageError

REQUESTS_AT_ONCE = 8  # of the 10 connections that the library keeps
OWNER = "dataset"
"""Key of object metadata with the id of the dataset that owns the object."""


class BucketPlace:
    """The objects of a dataset; `root` is its URI, without a slash at the end."""

    def __init__(self, root: str) -> None:
        """Opens the bucket; raises UsageError if the URI is not `gs://bucket/folder` or there are no credentials."""
        name, _, folder = root.removeprefix("gs://").strip("/").partition("/")
        if not name or not folder:
            raise UsageError(f"--dataset expects gs://BUCKET/FOLDER, got {root}")
        self.root = f"gs://{name}/{folder}"
        self._prefix = f"{folder}/"
        try:
            self._bucket = client(os.getpid(), os.environ.get("STORAGE_EMULATOR_HOST")).bucket(name)
        except GoogleAuthError as error:
            hint = "run `gcloud auth application-default login`"
            raise UsageError(f"{root}: no credentials for Google Cloud Storage: {error}; {hint}") from error

    def identity(self) -> str | None:
        """See `Store`."""
        data = self._read(MARKER)
        return None if data is None else dataset_id(data, self.root)

    def manifest_record(self, number: int) -> bytes | None:
        """See `Store`."""
        return self._read(record_path(number))

    def check_free(self) -> None:
        """See `Store`."""
        with self._translating_errors():
            found = sorted(name for name in self._entries("") if name and not is_system_file(name))
        if found and self.identity() is None:  # looked for afterwards: another job may have made it a dataset
            raise UsageError(
                f"{self.root} has objects but is no dataset ({listed(found)}; there is no {MARKER}): name an empty "
                "folder; these objects are left as they are"
            )

    @cached_property
    def _id(self) -> str:
        """The id of the dataset; raises UsageError if there is none."""
        found = self.identity()
        if found is None:
            raise UsageError(f"{self.root} is no dataset: it has no {MARKER}; name a dataset, or an empty folder")
        return found

    def _make_dataset(self) -> None:
        """Turns an empty folder into a dataset; does nothing if it is one."""
        if self.identity() is None:
            self.check_free()
            blob = self._bucket.blob(self._prefix + MARKER)
            with self._translating_errors(), suppress(PreconditionFailed):  # another job was quicker
                blob.upload_from_string(new_marker(), content_type="application/json", if_generation_match=0)

    def _is_own(self, blob: storage.Blob | None) -> bool:
        """Whether the metadata of an object names this dataset as its owner."""
        return blob is not None and (blob.metadata or {}).get(OWNER) == self._id

    def _removed(self) -> dict[str, storage.Blob]:
        """Notes about removed runs, to which a worker may still write, and about removed versions; by name."""
        start = f"{self._prefix}{REMOVED}/"
        return {blob.name.removeprefix(start): blob for blob in self._bucket.list_blobs(prefix=start)}

    def _note_removed(self, name: str) -> None:
        self._bucket.blob(f"{self._prefix}{REMOVED}/{name}").upload_from_string(b"")

    def _records(self) -> dict[int, storage.Blob]:
        """The records of manifests, by the number of the version."""
        start = f"{self._prefix}{MANIFESTS}/"
        found = {
            version_number(blob.name.removeprefix(start).removesuffix(".json")): blob
            for blob in self._bucket.list_blobs(prefix=start)
        }
        return {number: blob for number, blob in found.items() if number is not None}

    def _claim_on(self, number: int) -> storage.Blob | None:
        return self._object(f"{version_folder(number)}/{MANIFEST}")

    def _in_version(self, number: int) -> tuple[list[storage.Blob], list[str]]:
        """The objects in the folder of a version with names that a version has, and the paths of foreign ones."""
        start = f"{self._prefix}{version_folder(number)}/"
        own, foreign = [], []
        for blob in self._bucket.list_blobs(prefix=start):
            path = blob.name.removeprefix(start)
            if (
                not path or path.endswith("/") or is_version_file(path)
            ):  # a slash ends what a console makes for a folder
                own.append(blob)
            else:
                foreign.append(blob.name.removeprefix(self._prefix))
        return own, foreign

    def _folders(self) -> list[int]:
        """The numbers of all versions that have any object, ascending."""
        names = (entry.partition("/")[0] for entry in self._entries("versions/"))
        return sorted({number for name in names if (number := version_number(name)) is not None})

    def _entries(self, path: str) -> set[str]:
        """Names of the objects in one folder, and of its subfolders, which end in a slash."""
        found = self._bucket.list_blobs(prefix=self._prefix + path, delimiter="/")
        names = [blob.name for blob in found]  # `prefixes` is filled while all pages are read
        return {name.removeprefix(self._prefix + path) for name in (*names, *found.prefixes)}

    def _read(self, path: str) -> bytes | None:
        with self._translating_errors():
            blob = self._object(path)
            with suppress(NotFound):  # it was deleted meanwhile
                return None if blob is None else bytes(blob.download_as_bytes())
        return None

    def _object(self, path: str) -> storage.Blob | None:
        return self._bucket.get_blob(self._prefix + path)

    def _blob_at(self, uri: str) -> storage.Blob:
        return self._bucket.blob(uri.removeprefix(f"gs://{self._bucket.name}/"))

    def _listed(self, uri: str) -> Iterator[storage.Blob]:
        """The objects in a folder."""
        yield from self._bucket.list_blobs(prefix=f"{self._blob_at(uri).name}/")

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        """Turns errors of the bucket into UsageError or OSError with one line of text."""
        try:
            yield
        except NotFound as error:
            raise UsageError(f"{self.root}: no such bucket, or no right to see it; make the bucket first") from error
        except (GoogleAPIError, GoogleAuthError) as error:
            raise OSError(f"{self.root}: {error}") from error


@cache
def client(process: int, host: str | None) -> storage.Client:
    """The client of a process, for all its datasets: it keeps connections open, and a forked process needs its own.

    Args:
        process: Its id.
        host: The address that it was told to take for that of the store, if any.
    """
    del process, host
    # Without a project, which is not needed here, it would query the metadata server of a virtual machine.
    return storage.Client(project="-")


def delete(blobs: Sequence[storage.Blob]) -> None:
    """Deletes objects if they still exist, each only in its own generation: replacements by others are kept."""

    def remove(blob: storage.Blob) -> None:
        with suppress(NotFound):
            blob.delete()

    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        list(pool.map(remove, blobs))
