"""Validates image URLs, and computes canonical URLs and cache keys (K1, K3, K4, K5).

The canonical URL identifies the object of a URL: a re-signed URL has the same key and needs no upload, while another
path, version or query is another key (K5).

=====================  ============================================================================================
http, https            as the WHATWG URL standard writes it, without fragment and signature (`signed_urls`)
bucket objects         ``gs://bucket/name`` and ``s3://bucket/name``, also for their https forms (`bucket_urls`)
az, abfs, abfss        scheme and host in lower case; the path is literal and unchanged
file, absolute paths   ``file:///path``, percent-encoded; the path is literal in ``/a%20b``, decoded in a file URL
=====================  ============================================================================================

Spaces and control characters before a URL are dropped everywhere. Behind it they are dropped where the WHATWG standard
applies (http, https, file); elsewhere a name is literal to its last character.
"""

import hashlib
import json
import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from ada_url import normalize_url

from transforms.rules import bucket_urls, signed_urls
from transforms.rules.limits import MAX_URL_CHARACTERS

MAX_SHOWN_CHARACTERS = 120

_EXPECTED: Final = "a URL with scheme http, https, gs, s3, az, abfs, abfss or file, or an absolute path"
_SHORT_ENOUGH: Final = f"a URL of at most {MAX_URL_CHARACTERS:,} characters"
_SPACE: Final = "".join(map(chr, range(0x21)))  # the C0 controls and the space
_BREAKS: Final = dict.fromkeys(map(ord, "\t\n\r"))
_RAW_PATH: Final = re.compile(r"[A-Za-z]+:[/\\]*[^/\\?#]*([^?#]*)")
_AZURE: Final = re.compile(r"//([A-Za-z0-9$][A-Za-z0-9$._@:-]*)(/.+)", re.DOTALL)
_FILE_SAFE: Final = "/!$&'()*+,;=:@"


class InvalidUrl(ValueError):  # noqa: N818 - named after its rejection code, invalid_url
    """An invalid URL, rejected as ``invalid_url`` (K4). The text has the expected and the given form."""


def canonical(url: str) -> str:
    """The canonical URL of the object of a URL (K3).

    The function is idempotent, and two different objects never have the same canonical URL.

    Raises:
        InvalidUrl: It cannot be parsed, its scheme is none of those listed (K4), or it is too long (R8).

    >>> canonical("HTTPS://Bucket.S3.amazonaws.com:443/a%20b.jpg?versionId=v1#top")
    's3://bucket/a b.jpg?versionId=v1'
    >>> canonical("ftp://x/y")
    Traceback (most recent call last):
    ...
    transforms.rules.image_urls.InvalidUrl: expected a URL with scheme http, https, gs, s3, az, abfs, abfss or file, \
or an absolute path, got "ftp://x/y"
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise _invalid(_SHORT_ENOUGH, url)
    found = _canonical(url)
    if len(found) > MAX_URL_CHARACTERS:  # as it would be refused itself
        raise _invalid(f"{_SHORT_ENOUGH}, escaped", url)
    return found


def _canonical(url: str) -> str:
    text = url.lstrip(_SPACE)
    if text.startswith("/"):
        return _absolute_path(text)
    prefix, colon, path = text.partition(":")
    scheme = prefix.translate(_BREAKS).lower() if colon else ""
    match scheme:
        case "http" | "https":
            return _web(text)
        case "gs" | "gcs" | "s3":
            named = bucket_urls.from_uri(f"{scheme.replace('gcs', 'gs')}:{path}")
            if named is None:
                raise _invalid(f"{scheme}://bucket/object", url)
            return named.url()
        case "az" | "abfs" | "abfss":
            parts = _AZURE.fullmatch(path)
            if parts is None:
                raise _invalid(f"{scheme}://container/path", url)
            return f"{scheme}://{parts[1].lower()}{parts[2]}"
        case "file":
            return _file(text)
        case _:
            raise _invalid(_EXPECTED, url)


def cache_key(canonical_url: str) -> str:
    """The cache key of a canonical URL: 64 hex digits, the SHA-256 of its UTF-8 bytes (K1).

    >>> cache_key("s3://b/a.jpg")[:16]
    'c7b7f46d906fca2d'
    """
    return hashlib.sha256(canonical_url.encode()).hexdigest()


def _web(text: str) -> str:
    """The canonical URL of an http or https one."""
    href = _normalized(text)
    # The standard escapes both characters except as delimiters.
    base, _, query = href.partition("?")
    kept = signed_urls.without_signature(query)
    authority, _, path = base.partition("://")[2].partition("/")
    if authority.endswith(bucket_urls.STORE_DOMAINS):
        # The raw path first: the standard's has its dot segments resolved. If that names no object
        # (its first segment is no bucket) the resolved one counts, as for any HTTP client.
        for candidate in (_raw_path(text), f"/{path}"):
            named = bucket_urls.from_web(authority, candidate, kept)
            if named is not None:
                return named.url()
    if kept == query:
        return href
    return f"{base}?{kept}" if kept else base


def _raw_path(text: str) -> str:
    """The path of an http(s) URL before it is normalised; only backslashes become slashes, as in the standard."""
    match = _RAW_PATH.match(text.rstrip(_SPACE).translate(_BREAKS))
    return match[1].replace("\\", "/") if match else ""


def _file(text: str) -> str:
    """The canonical URL of a file URL; its query and a host other than this one are kept."""
    href = _normalized(text)
    if not href.startswith("file:///") or "?" in href:
        return href
    path = unquote_to_bytes(href.removeprefix("file://"))
    try:
        literal = path.decode()
    except UnicodeDecodeError:
        literal = ""
    # An escaped slash may have hidden a dot segment, which only a bare path can express.
    bare = literal if literal and not literal.startswith("//") else href
    return _written_file(path) or bare


def _absolute_path(text: str) -> str:
    """The canonical URL of a bare path. Dot segments are kept: a symbolic link may precede them."""
    if text.startswith("//"):
        raise _invalid(_EXPECTED, text)  # a URL that lacks its scheme
    return _written_file(text.encode()) or text


def _written_file(path: bytes) -> str | None:
    """The file URL of a path; None if the standard parses it as another path."""
    written = f"file://{quote(path, safe=_FILE_SAFE)}"
    return written if _normalized(written) == written else None


def _normalized(text: str) -> str:
    """The URL as the WHATWG standard writes it, without its fragment."""
    try:
        href: str = normalize_url(text)
    except ValueError:
        raise _invalid("a URL that the WHATWG URL standard can parse", text) from None
    return href.partition("#")[0]


def _invalid(expected: str, url: str) -> InvalidUrl:
    shown = url if len(url) <= MAX_SHOWN_CHARACTERS else f"{url[:MAX_SHOWN_CHARACTERS]}..."
    return InvalidUrl(f"expected {expected}, got {json.dumps(shown, ensure_ascii=False)}")
