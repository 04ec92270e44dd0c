"""Detects the format of an export from its first bytes (RULES F1, F2)."""

import json
import re
from enum import Enum
from typing import Final

from transforms.formats.chunks import Unreadable
from transforms.formats.json_documents import extent, is_envelope, keys, other_format
from transforms.formats.lines import BLANK, BYTE_ORDER_MARK, HEAD_BYTES

_ENCODINGS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32 (little endian)", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32 (big endian)", "UTF-32"),
    (b"\xff\xfe", "UTF-16 (little endian)", "UTF-16"),
    (b"\xfe\xff", "UTF-16 (big endian)", "UTF-16"),
)
# Positions of the zero bytes of a first character below U+0100 in encodings without a byte order mark.
_FIRST: Final = rb"[\t\n\r -~\xa0-\xff]"
_ZEROS: Final = (
    (re.compile(_FIRST + rb"\x00\x00\x00"), "UTF-32 (little endian)", "UTF-32LE"),
    (re.compile(rb"\x00\x00\x00" + _FIRST), "UTF-32 (big endian)", "UTF-32BE"),
    (re.compile(_FIRST + rb"\x00(?:[^\x00]\x00)?\Z", re.DOTALL), "UTF-16 (little endian)", "UTF-16LE"),
    (re.compile(rb"\x00" + _FIRST + rb"(?:\x00[^\x00])?\Z", re.DOTALL), "UTF-16 (big endian)", "UTF-16BE"),
)
_AVRO: Final = b"Obj\x01"
_MAGICS: Final = (
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "gzip data (in a file whose name does not end in .gz, or compressed twice)"),
    (b"BZh", "bzip2 data (in a file whose name does not end in .bz2, or compressed twice)"),
    (b"\xfd7zXZ\x00", "xz data (in a file whose name does not end in .xz, or compressed twice)"),
    (b"\x28\xb5\x2f\xfd", "zstandard data (in a file whose name does not end in .zst, or compressed twice)"),
    (b"\x04\x22\x4d\x18", "lz4 data"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"ORC", "an ORC file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF file"),
    (b"<", "XML or HTML"),
)
_TAR: Final = re.compile(rb".{257}ustar(?:  )?\x00", re.DOTALL)
_EXPECTED: Final = "expected NDJSON, a JSON document or Avro"
_OBJECT_LINE: Final = re.compile(rb'^[ \t]*\{[ \t]*(?:"|\}|\r?$)', re.MULTILINE)
_VALUE_STARTS: Final = b'{["-0123456789tfnNI'


class Format(Enum):
    """The formats of exports."""

    NDJSON = "ndjson"
    DOCUMENT = "document"
    AVRO = "avro"
    EMPTY = "empty"


def sniff(head: bytes) -> Format:
    r"""The format of an export that begins with `head`: its first 64 KiB, or all of it if it is shorter.

    Raises:
        Unreadable: if it is in another encoding than UTF-8 or in another format; the message names it (F2).

    >>> sniff(b'{"reference_id": "a"}\n'), sniff(b'{"items": [')
    (<Format.NDJSON: 'ndjson'>, <Format.DOCUMENT: 'document'>)
    """
    refuse_other_formats(head)
    if head.startswith(_AVRO):
        return Format.AVRO
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip(BLANK + b"\n")
    if not text:
        # Endless blank lines are skipped like any; only a file that is completely in `head` is known to be empty.
        return Format.EMPTY if len(head) < HEAD_BYTES else Format.NDJSON
    if text.startswith(b"["):
        return Format.DOCUMENT
    if text.startswith(b"{"):
        return Format.DOCUMENT if _is_document(text) else Format.NDJSON
    first = text.partition(b"\n")[0]
    if _OBJECT_LINE.search(text) or _is_json(first):
        return Format.NDJSON  # a bad first line does not affect its neighbours (R2)
    raise Unreadable(f"{_EXPECTED}, got a file that begins with {first[:40]!r}", 0, 1)


def refuse_other_formats(head: bytes, expectation: str = _EXPECTED, option: str = "") -> None:
    """Refuses an export that begins with `head` if it is in another encoding than UTF-8, or in a format that is known.

    Args:
        head: Its first bytes.
        expectation: What was expected, for the message.
        option: The beginning of an option that gives the encoding of text that is no JSON; "" if there is none.

    Raises:
        Unreadable: It is; the message names encoding or format (F2).
    """
    if head.startswith(b"{") and b"\x00" not in head[:4]:  # which none of them begins with
        return
    refuse_other_encodings(head, option)
    if head.startswith(b"\x00"):
        raise Unreadable(f"{expectation}, got a file that begins with zero bytes")
    if _TAR.match(head):
        raise Unreadable(f"{expectation}, got a tar archive")
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    for magic, name in _MAGICS:
        if text.startswith(magic) if magic == b"<" else head.startswith(magic):
            raise Unreadable(f"{expectation}, got {name}, which begins with {magic.hex(' ')}")


def refuse_other_encodings(head: bytes, option: str = "") -> None:
    """Refuses text that begins with `head` if it is in UTF-16 or UTF-32; see `refuse_other_formats`."""
    for mark, name, encoding in _ENCODINGS:
        if head.startswith(mark):
            seen = f"{name} text, which begins with the byte order mark {mark.hex(' ')}"
            raise Unreadable(f"expected UTF-8, got {seen}; {_to_utf8(head, encoding, option)}")
    for pattern, name, encoding in _ZEROS:
        if pattern.match(head[:4]):
            seen = f"what looks like {name} text: it begins with {head[:4].hex(' ')}"
            raise Unreadable(f"expected UTF-8, got {seen}; {_to_utf8(head, encoding, option)}")


def to_utf8(encoding: str) -> str:
    """What to do about text in another encoding."""
    return f"write it in UTF-8: iconv -f {encoding} -t UTF-8 FILE > NEW_FILE"


def _to_utf8(head: bytes, encoding: str, option: str) -> str:
    text = head[: len(head) // 4 * 4].decode(encoding, "ignore").lstrip()
    if text.startswith(("{", "[")) or not option:
        return to_utf8(encoding)
    return f"give the encoding: {option}{encoding.lower()}"


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_document(text: bytes) -> bool:
    """Whether text that begins with an object is a document: an envelope, or an object that spans lines."""
    line = text.partition(b"\n")[0]
    if extent(line, 0).closed or line == text:
        return is_envelope(line) or _is_of_another_format(line)
    # A truncated line looks like the first line of an object that spans lines; the following text decides.
    first = len(line)
    second = text.find(b"\n", first + 1)
    return _goes_on(text, first) and (second < 0 or _goes_on(text, second))


def _is_of_another_format(line: bytes) -> bool:
    """Whether an object is, or if it is incomplete may be, a document of another format."""
    found = keys(line, 0)
    return other_format(found.known if found.closed else found.known | {"annotations", "type"}) is not None


def _goes_on(text: bytes, end: int) -> bool:
    """Whether the object at the start of `text` may continue after the line end at `end`."""
    reach = extent(text[:end], 0)
    following = text[end:].lstrip()[:1]
    if reach.closed or not following:
        return True
    if reach.in_string:
        return False  # a string spans no lines
    closer = reach.missing[-1:]
    last = text[:end].rstrip()[-1:]
    if last in (b"{", b"["):
        return following == closer or (following == b'"' if last == b"{" else following in _VALUE_STARTS)
    if last in (b",", b":"):
        return following == b'"' if last == b"," and closer == b"}" else following in _VALUE_STARTS
    return following in (b",", closer)
