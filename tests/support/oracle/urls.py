"""Which URLs can be fetched at all (K4). Canonical forms and keys (K3) are not recomputed here.

Hosts are judged by the plain part of the WHATWG rules: not empty, no forbidden character, a port up to 65535, a
well-formed IPv4 or IPv6 address where it looks like one. What international domain names add is left out.
"""

import ipaddress
import re
from urllib.parse import unquote

WEB = ("http", "https")
BUCKETS = ("gs", "gcs", "s3")
CONTAINERS = ("az", "abfs", "abfss")
MAX_PORT = 65535
FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")


def is_fetchable(url: str) -> bool:
    """Whether a URL can be parsed and has a scheme that we read, or is a bare absolute path."""
    # The URL standard drops control characters and blanks at both ends, and tabs and newlines anywhere.
    url = re.sub(r"[\t\n\r]", "", url.strip("".join(map(chr, range(0x21)))))
    if url.startswith("/"):
        return True
    scheme, colon, rest = url.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return False
    scheme = scheme.lower()
    if scheme in WEB:
        # Any number of slashes, of either kind, may stand before the host of a web URL.
        return _is_authority(re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0])
    if scheme in BUCKETS or scheme in CONTAINERS:
        return rest.startswith("//") and re.split(r"[/?#]", rest[2:], maxsplit=1)[0] != ""
    return scheme == "file"


def _is_authority(authority: str) -> bool:
    host = authority.rpartition("@")[2]  # user and password go before the last @
    port = ""
    if not host.endswith("]"):
        head, colon, tail = host.rpartition(":")
        if colon:
            host, port = head, tail
    if port and not (port.isascii() and port.isdigit() and int(port) <= MAX_PORT):
        return False
    if host.startswith("["):
        return host.endswith("]") and _is_address(host[1:-1])
    host = unquote(host)
    if host == "" or FORBIDDEN_IN_HOST.search(host):
        return False
    return not _looks_like_ipv4(host) or _is_ipv4(host)


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _looks_like_ipv4(host: str) -> bool:
    """A host whose last label is a number is an IPv4 address or nothing."""
    last = host.removesuffix(".").rpartition(".")[2]
    return re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last) is not None


def _is_ipv4(host: str) -> bool:
    parts = host.removesuffix(".").split(".")
    numbers = []
    for part in parts:
        if re.fullmatch(r"0[xX][0-9a-fA-F]*", part):
            numbers.append(int(part[2:] or "0", 16))
        elif re.fullmatch(r"0[0-7]*", part):
            numbers.append(int(part, 8))
        elif re.fullmatch(r"[1-9][0-9]*", part):
            numbers.append(int(part))
        else:
            return False
    # The last number fills all the bytes that the others left.
    return len(numbers) <= 4 and all(n <= 255 for n in numbers[:-1]) and numbers[-1] < 256 ** (5 - len(numbers))
