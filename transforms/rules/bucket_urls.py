"""Parses the spellings of URLs of S3 and Google Cloud Storage objects, and writes the canonical one (K3).

One object has many spellings: ``s3://bucket/name``, virtual-host and path style over http(s), regional, dual-stack
and accelerated hosts. All are parsed into one `BucketObject`, which has one canonical URL.

The name of an object:

* In ``gs://`` and ``s3://`` everything behind ``bucket/`` is the name, literally, to its last character: ``%20`` is
  three characters, and ``#``, ``?``, ``..``, ``//`` or a space at the end belong to the name. The one exception is
  an end that selects a version, ``?versionId=...`` (S3) or ``?generation=<digits>`` (Google), as the usual clients
  read it. ``#<digits>``, gsutil's way to write a generation, stays part of the name: both are possible, and
  two keys for one object cost an upload, while one key for two objects shows the wrong image.
* Over http(s) the name is the raw path, percent-decoded exactly once to bytes. A raw ``+`` is a blank in a path of S3,
  as S3 reads it, and a plus in one of Google. Dot segments stay, by K3, though a browser resolves them before it
  fetches: the name that was written counts.

The namespaces of bucket names of the AWS partitions for China and GovCloud are their own: the same bucket name there
is another bucket. Their hosts are therefore not read as ``s3://``; their URLs stay as they are. So do website,
access-point and Object Lambda hosts, which answer with something else than the object.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote_to_bytes

Scheme = Literal["gs", "s3"]

# Also what a vector kernel may rely on: a host that ends in none of these is no bucket host.
STORE_DOMAINS: Final = ("amazonaws.com", "googleapis.com", "google.com")
BUCKET: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"

_REGION: Final = r"(?!us-gov-|cn-)[a-z]{2}-[a-z]+-[0-9]+"
_S3_HOST: Final = re.compile(
    rf"(?:(?P<bucket>{BUCKET})\.)?"
    rf"(?:s3|s3-external-1|s3-{_REGION}|s3(?:-fips)?(?:\.dualstack)?\.{_REGION})\.amazonaws\.com"
)
_S3_ACCELERATED_HOST: Final = re.compile(rf"(?P<bucket>{BUCKET})\.s3-accelerate(?:\.dualstack)?\.amazonaws\.com")
_GS_HOST: Final = re.compile(rf"(?:(?P<bucket>{BUCKET})\.)?(?:storage|commondatastorage)\.googleapis\.com")
_GS_BROWSER_HOST: Final = "storage.cloud.google.com"
_GS_API_HOST: Final = "storage.googleapis.com"
GS_API_ROOTS: Final = ("/storage/v1/", "/download/storage/v1/", "/upload/storage/v1/", "/batch/storage/v1/")
GS_API_BUCKETS: Final = frozenset(root.split("/")[1] for root in GS_API_ROOTS)
_GS_API_OBJECT: Final = re.compile(r"(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)")

_ARN: Final = r"arn:[A-Za-z0-9:_-]+"  # s3://arn:aws:s3:...:accesspoint/name/key
_URI: Final = re.compile(rf"(gs|s3)://({BUCKET}|{_ARN})/(.+)", re.DOTALL)
VERSIONS: Final[dict[Scheme, re.Pattern[str]]] = {
    "gs": re.compile(r"generation=[0-9]+"),
    "s3": re.compile(r"versionId=[A-Za-z0-9._-]+"),
}
ENDPOINTS: Final[dict[Scheme, str]] = {"gs": _GS_API_HOST, "s3": "s3.amazonaws.com"}
_DOTS: Final = frozenset({b".", b".."})


@dataclass(frozen=True, slots=True)
class BucketObject:
    """An object in a bucket.

    Attributes:
        scheme: Scheme of the store.
        bucket: Its name as given (old S3 buckets may have capitals).
        name: The name of the object, bytes, never empty.
        query: The query without signatures, as given: a version, a response header; usually ``""``.
    """

    scheme: Scheme
    bucket: str
    name: bytes
    query: str = ""

    def url(self) -> str:
        r"""The canonical URL: the URI if it parses as the same object, else path style.

        A URI cannot express a name that is not UTF-8, a query other than a version, or a name without a version that
        ends like one.

        >>> BucketObject("gs", "b", b"a b").url(), BucketObject("gs", "b", b"\xff").url()
        ('gs://b/a b', 'https://storage.googleapis.com/b/%FF')
        """
        query = f"?{self.query}" if self.query else ""
        try:
            uri = f"{self.scheme}://{self.bucket}/{self.name.decode()}{query}"
        except UnicodeDecodeError:
            uri = ""
        if from_uri(uri) == self:
            return uri
        # With its slashes escaped, a name with dot segments is not resolved by whoever fetches the URL, and
        # one that looks like a path of Google's JSON API is not taken for it.
        fragile = not _DOTS.isdisjoint(self.name.split(b"/")) or self.bucket in GS_API_BUCKETS
        path = quote(self.name, safe="" if fragile else "/")
        return f"https://{ENDPOINTS[self.scheme]}/{self.bucket}/{path}{query}"


def from_uri(uri: str) -> BucketObject | None:
    """The object of a ``gs://`` or ``s3://`` URI (scheme in lower case); None if it names none.

    >>> from_uri("gs://b/a%20b")
    BucketObject(scheme='gs', bucket='b', name=b'a%20b', query='')
    """
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    scheme: Scheme = "gs" if match[1] == "gs" else "s3"
    name, mark, version = match[3].rpartition("?")
    if name and mark and VERSIONS[scheme].fullmatch(version):
        return BucketObject(scheme, match[2], name.encode(), version)
    return BucketObject(scheme, match[2], match[3].encode())


def from_web(host: str, path: str, query: str) -> BucketObject | None:
    """The object of an http(s) URL (K3).

    Args:
        host: The host in lower case, without a port or credentials.
        path: The raw path with its leading slash, percent-encoded as given.
        query: The query without its ``?`` and without signatures.

    Returns:
        The object; None if the host is no bucket host, or the path names no object in a bucket.

    >>> from_web("b.s3.eu-west-1.amazonaws.com", "/a%20b", "")
    BucketObject(scheme='s3', bucket='b', name=b'a b', query='')
    >>> from_web("s3.amazonaws.com", "/b/R+S", ""), from_web("storage.googleapis.com", "/b/R+S", "").name
    (BucketObject(scheme='s3', bucket='b', name=b'R S', query=''), b'R+S')
    """
    store = store_of(host)
    if store is None:
        return None
    if host == _GS_API_HOST and path.startswith(GS_API_ROOTS):
        return _from_api(path, query)
    scheme, bucket = store
    name = path[1:]
    if bucket is None:
        first, _, name = name.partition("/")
        bucket = _bucket(first)
    if not bucket or not name:
        return None
    if scheme == "s3":
        name = name.replace("+", "%20")
    return BucketObject(scheme, bucket, unquote_to_bytes(name), query)


def store_of(host: str) -> tuple[Scheme, str | None] | None:
    """The scheme of a bucket host and the bucket in its name, if there is one; None for another host.

    >>> store_of("b.s3.eu-west-1.amazonaws.com"), store_of("storage.googleapis.com"), store_of("ec2.amazonaws.com")
    (('s3', 'b'), ('gs', None), None)
    """
    if not host.endswith(STORE_DOMAINS):
        return None
    match = _S3_HOST.fullmatch(host) or _S3_ACCELERATED_HOST.fullmatch(host)
    if match is not None:
        return "s3", match["bucket"]
    match = _GS_HOST.fullmatch(host)
    if match is None and host != _GS_BROWSER_HOST:
        return None
    return "gs", match["bucket"] if match else None


def _from_api(path: str, query: str) -> BucketObject | None:
    """The object of a download URL of Google's JSON API; None for its other URLs."""
    match = _GS_API_OBJECT.fullmatch(path)
    asked = query.split("&")
    if match is None or asked.count("alt=media") != 1:
        return None
    asked.remove("alt=media")
    bucket = _bucket(match[1])
    version = "&".join(asked)
    if bucket is None or not (version == "" or VERSIONS["gs"].fullmatch(version)):
        return None
    return BucketObject("gs", bucket, unquote_to_bytes(match[2]), version)


def _bucket(segment: str) -> str | None:
    """The bucket in the first segment of a path, None if that cannot be a bucket name."""
    name = unquote_to_bytes(segment).decode("ascii", errors="replace")
    return name if re.fullmatch(BUCKET, name) else None
