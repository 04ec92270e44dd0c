"""Lists, reads and deletes the objects of a dataset in a bucket, and tells them from foreign objects (P6)."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property

from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage

from pipelines.dataset.store.base import MANIFEST, version_folder
from pipelines.dataset.store.marker import MANIFESTS, MARKER, REMOVED, dataset_id, new_marker, record_path
from pipelines.dataset.store.names import is_system_file, is_version_file, listed, version_number
from pipelines.errors import UsageError

REQUESTS_AT_ONCE = 8  # of the 10 connections that the library keeps
OWNER = "dataset"
"""Name of the metadata of an object that says whose it is: the id of the dataset."""


class BucketPlace:
    """The objects of a dataset; `root` is its URI, without a slash at the end."""

    def __init__(self, root: str) -> None:
        """Takes its URI; raises UsageError where that is not `gs://bucket/folder`, or there are no credentials."""
        name, _, folder = root.removeprefix("gs://").strip("/").partition("/")
        if not name or not folder:
            raise UsageError(f"--dataset expects gs://BUCKET/FOLDER, got {root}")
        self.root = f"gs://{name}/{folder}"
        self._prefix = f"{folder}/"
        try:
            # Without a project, which nothing here needs, it would ask the metadata server of a virtual machine.
            self._bucket = storage.Client(project="-").bucket(name)
        except GoogleAuthError as error:
            hint = "run `gcloud auth application-default login`"
            raise UsageError(f"{root}: no credentials for Google Cloud Storage: {error}; {hint}") from error

    def identity(self) -> str | None:
        """See `Store`."""
        data = self._read(MARKER)
        return None if data is None else dataset_id(data, self.root)

    def recorded(self, number: int) -> bytes | None:
        """See `Store`."""
        return self._read(record_path(number))

    def check_free(self) -> None:
        """See `Store`."""
        if self.identity() is not None:
            return
        with self._translating_errors():
            found = sorted(name for name in self._entries("") if name and not is_system_file(name))
        if found:
            raise UsageError(
                f"{self.root} holds objects but no dataset ({listed(found)}; there is no {MARKER}): name an empty "
                "folder; what is there stays as it is"
            )

    @cached_property
    def _id(self) -> str:
        """The id of the dataset; raises UsageError where there is none."""
        found = self.identity()
        if found is None:
            raise UsageError(f"{self.root} is no dataset: it has no {MARKER}; name a dataset, or an empty folder")
        return found

    def _make_dataset(self) -> None:
        """Makes an empty folder a dataset; does nothing to one that is a dataset."""
        if self.identity() is None:
            self.check_free()
            blob = self._bucket.blob(self._prefix + MARKER)
            with self._translating_errors(), suppress(PreconditionFailed):  # another job was quicker
                blob.upload_from_string(new_marker(), content_type="application/json", if_generation_match=0)

    def _is_own(self, blob: storage.Blob | None) -> bool:
        """Whether an object says of itself that it is of this dataset."""
        return blob is not None and (blob.metadata or {}).get(OWNER) == self._id

    def _removed(self) -> dict[str, storage.Blob]:
        """What was removed of which somebody may still write, or which is not gone yet, by its name."""
        start = f"{self._prefix}{REMOVED}/"
        return {blob.name.removeprefix(start): blob for blob in self._bucket.list_blobs(prefix=start)}

    def _note_removed(self, name: str) -> None:
        self._bucket.blob(f"{self._prefix}{REMOVED}/{name}").upload_from_string(b"")

    def _records(self) -> dict[int, storage.Blob]:
        """What is recorded of manifests, by the number of the version."""
        start = f"{self._prefix}{MANIFESTS}/"
        found = {
            version_number(blob.name.removeprefix(start).removesuffix(".json")): blob
            for blob in self._bucket.list_blobs(prefix=start)
        }
        return {number: blob for number, blob in found.items() if number is not None}

    def _claim_on(self, number: int) -> storage.Blob | None:
        return self._object(f"{version_folder(number)}/{MANIFEST}")

    def _in_version(self, number: int) -> tuple[list[storage.Blob], list[str]]:
        """The objects in the folder of a version whose names files of a version have, and the paths of all others."""
        start = f"{self._prefix}{version_folder(number)}/"
        own, foreign = [], []
        for blob in self._bucket.list_blobs(prefix=start):
            path = blob.name.removeprefix(start)
            if not path or path.endswith("/") or is_version_file(path):  # as a console makes folders
                own.append(blob)
            else:
                foreign.append(blob.name.removeprefix(self._prefix))
        return own, foreign

    def _folders(self) -> list[int]:
        """The numbers of all versions of which anything is there, ascending."""
        names = (entry.partition("/")[0] for entry in self._entries("versions/"))
        return sorted({number for name in names if (number := version_number(name)) is not None})

    def _entries(self, path: str) -> set[str]:
        """Names of the objects, and with a slash of the folders, in one folder."""
        found = self._bucket.list_blobs(prefix=self._prefix + path, delimiter="/")
        names = [blob.name for blob in found]  # the folders are there once all pages were read
        return {name.removeprefix(self._prefix + path) for name in (*names, *found.prefixes)}

    def _read(self, path: str) -> bytes | None:
        with self._translating_errors():
            blob = self._object(path)
            with suppress(NotFound):  # it went meanwhile
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
        """What the bucket refuses, in one line that says what to do."""
        try:
            yield
        except NotFound as error:
            raise UsageError(f"{self.root}: no such bucket, or no right to see it; make the bucket first") from error
        except (GoogleAPIError, GoogleAuthError) as error:
            raise OSError(f"{self.root}: {error}") from error


def delete(blobs: Sequence[storage.Blob]) -> None:
    """Deletes objects if they are there still, each of its generation alone: not what others have put in its place."""

    def remove(blob: storage.Blob) -> None:
        with suppress(NotFound):
            blob.delete()

    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        list(pool.map(remove, blobs))
