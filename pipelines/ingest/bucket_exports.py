"""Finds exports in a bucket, each with its generation, by which a new upload is noticed."""

import posixpath
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, cast

from apache_beam.io.gcp.gcsio import parse_gcs_path

from pipelines.ingest.listed_exports import ListedExport
from pipelines.ingest.patterns import is_pattern, literal_prefix, translated
from transforms.storage import buckets

_REQUESTS_AT_ONCE = 8  # of the 10 connections that the library keeps
_FEW = 16
"""Up to this many objects of a folder are requested one by one; for more the folder is listed, by the thousand."""


class _Blob(Protocol):
    """The attributes that are used of an object of the library, which is not typed."""

    name: str
    size: int
    generation: int
    crc32c: str


class _Bucket(Protocol):
    def get_blob(self, name: str) -> _Blob | None: ...

    def list_blobs(self, *, prefix: str) -> Iterable[_Blob]: ...


def find(pattern: str) -> Iterator[ListedExport]:
    """Finds the objects that a URI or a pattern names, in no order.

    Raises:
        ValueError: It is no place in a bucket, or no pattern.
        Exception: One of `stored_files.refusals`: the bucket does not exist, or may not be listed.
    """
    if pattern.endswith("/"):
        pattern += "*"
    place, name = parse_gcs_path(pattern)
    bucket = _bucket(place)
    # An object whose name contains wildcards is taken literally if it exists.
    found = bucket.get_blob(name)
    if found is not None:
        yield _listed(place, found)
    elif is_pattern(name):
        expression = translated(name)
        for blob in bucket.list_blobs(prefix=literal_prefix(name)):
            # A name that ends in a slash stands for a folder.
            if not blob.name.endswith("/") and expression.fullmatch(blob.name):
                yield _listed(place, blob)


def look(uris: Iterable[str]) -> dict[str, ListedExport]:
    """The current state of objects; those that no longer exist are left out.

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
    # The same client that reads the exports, with its credentials and retries.
    return cast("_Bucket", buckets.client().bucket(place))


def _listed(place: str, blob: _Blob) -> ListedExport:
    return ListedExport(f"gs://{place}/{blob.name}", blob.size, int(blob.generation), None, blob.crc32c)
