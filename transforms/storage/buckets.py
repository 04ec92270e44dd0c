"""Objects in a bucket, through Beam's file system: `stored_files` imports it when it meets the first one.

Beam and the libraries of buckets take one to two seconds to import, which commands on a local dataset do without.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Protocol, cast

from apache_beam.internal.gcp import auth
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError

FETCH_BYTES = 2 * 1024 * 1024
"""The least that one request to a bucket asks for: a byte range of an export begins and ends with short reads."""


class Bucket(Protocol):
    """What is used of a bucket of the library, which is not typed."""

    def delete_blobs(self, blobs: Sequence[str], on_error: Callable[[object], None]) -> None:
        """Deletes the objects of these names one by one, and calls `on_error` for those that are not there."""


class Client(Protocol):
    """What is used of the client of the library of buckets."""

    def bucket(self, name: str) -> Bucket:
        """The bucket of a name, which need not exist."""


def errors() -> tuple[type[Exception], ...]:
    """Exceptions of the bucket libraries that are loaded."""
    loaded = sys.modules.get("google.cloud.storage.exceptions")
    return (GoogleAPIError, GoogleAuthError, *(() if loaded is None else (loaded.InvalidResponse,)))


def open_to_read(uri: str) -> BinaryIO:
    """Opens an object for its stored bytes: no extension makes Beam decompress them."""
    stream = FileSystems.open(uri, compression_type=CompressionTypes.UNCOMPRESSED)
    if hasattr(stream, "_chunk_size"):
        stream._chunk_size = FETCH_BYTES  # noqa: SLF001 - Beam's 16 MiB, which it has no option for, is 8 times as much
    return cast("BinaryIO", stream)


def write(uri: str, pieces: Iterable[bytes | memoryview]) -> None:
    """Writes an object, which appears at the end of its upload; if `pieces` raises, with what it gave until then."""
    with FileSystems.create(uri, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        for piece in pieces:
            stream.write(piece)


def exists(uri: str) -> bool:
    """Whether there is such an object."""
    return cast("bool", FileSystems.exists(uri))


def sizes(pattern: str) -> dict[str, int]:
    """URI to size in bytes of the objects that match a pattern of Beam's, `**` for all below."""
    return {each.path: each.size_in_bytes for each in FileSystems.match([pattern])[0].metadata_list}


def remove(uris: Sequence[str]) -> None:
    """Removes objects of one bucket, as far as they are there."""
    name = uris[0].split("/")[2]
    client().bucket(name).delete_blobs([uri.removeprefix(f"gs://{name}/") for uri in uris], lambda _: None)


def checksum(uri: str) -> str | None:
    """The checksum that the store has of an object."""
    return cast("str | None", FileSystems.checksum(uri))


def client() -> Client:
    """The client of Beam's file system, with its credentials and retries."""
    from apache_beam.io.gcp.gcsio import GcsIO  # noqa: PLC0415 - it needs the library of one store

    return cast("Client", GcsIO().client)


@contextmanager
def as_on_a_disk(uri: str) -> Iterator[None]:
    """Turns what a bucket refuses into the errors of a disk, for all that read and write files wherever they are."""
    try:
        yield
    except NotFound as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), uri) from error
    except errors() as error:
        raise OSError(f"{uri}: {error}") from error


_look_up_credentials = auth.get_service_credentials


def _credentials(options: PipelineOptions) -> object:
    """The credentials for Beam's file system; None for an emulator, which needs none.

    Beam looks for credentials even for an emulator that takes none, for 20 seconds in each process, whether or not its
    flag `--no_auth` is given.
    """
    return None if os.environ.get("STORAGE_EMULATOR_HOST") else _look_up_credentials(options)


# Here, because every process that asks for an object imports this module first.
auth.get_service_credentials = _credentials
