"""Finds exports in a bucket, each with its generation, by which a new upload is noticed."""

import posixpath
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, cast

from apache_beam.io.gcp.gcsio import GcsIO, parse_gcs_path

from pipelines.ingest.listed_exports import ListedExport
from pipelines.ingest.patterns import is_pattern, literal_prefix, translated

_REQUESTS_AT_ONCE = 8  # of the 10 connections that the library keeps
_FEW = 16
"""So many objects of a folder are asked for one by one; for more the folder is listed, a thousand with each request."""


class _Blob(Protocol):
    """What is used of an object of the library, which has no types."""

    name: str
    size: int
    generation: int
    crc32c: str


class _Bucket(Protocol):
    def get_blob(self, name: str) -> _Blob | None: ...

    def list_blobs(self, *, prefix: str) -> Iterable[_Blob]: ...


def find(pattern: str) -> Iterator[ListedExport]:
    """The objects that a URI or a pattern names, in no order.

    Raises:
        ValueError: It is no place in a bucket, or no pattern.
        Exception: One of `stored_files.refusals`: the bucket is not there, or does not let itself be listed.
    """
    if pattern.endswith("/"):
        pattern += "*"
    place, name = parse_gcs_path(pattern)
    bucket = _bucket(place)
    # An object whose name has the characters of a pattern is itself, not what the pattern would match.
    found = bucket.get_blob(name)
    if found is not None:
        yield _listed(place, found)
    elif is_pattern(name):
        expression = translated(name)
        for blob in bucket.list_blobs(prefix=literal_prefix(name)):
            # One that ends in a slash stands for a folder.
            if not blob.name.endswith("/") and expression.fullmatch(blob.name):
                yield _listed(place, blob)


def look(uris: Iterable[str]) -> dict[str, ListedExport]:
    """The objects as they are now; those that are not there any more are left out.

    Raises:
        Exception: As `find`.
    """
    folders: dict[tuple[str, str], set[str]] = {}
    for uri in uris:
        place, name = parse_gcs_path(uri)
        folders.setdefault((place, posixpath.dirname(name)), set()).add(name)
    return {listed.uri: listed for (place, _), names in folders.items() for listed in _look(place, names)}


def _look(place: str, names: set[str]) -> Iterator[ListedExport]:
    bucket = _bucket(place)
    if len(names) <= _FEW:
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            yield from (_listed(place, blob) for blob in pool.map(bucket.get_blob, sorted(names)) if blob is not None)
        return
    prefix = posixpath.commonprefix(sorted(names))
    yield from (_listed(place, blob) for blob in bucket.list_blobs(prefix=prefix) if blob.name in names)


def _bucket(place: str) -> _Bucket:
    # The client that reads the exports, too, with its credentials and its retries.
    return cast("_Bucket", GcsIO().client.bucket(place))


def _listed(place: str, blob: _Blob) -> ListedExport:
    return ListedExport(f"gs://{place}/{blob.name}", blob.size, int(blob.generation), None, blob.crc32c)
