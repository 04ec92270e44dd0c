"""Reads CSV and TSV as text in UTF-8: its encoding, its byte order mark, its delimiter and its header (F1, F2).

Text in another encoding is refused by name, unless the encoding is given: then it is decoded, and a row has the bytes
that it has in the source.
"""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from transforms.formats.chunks import Unreadable
from transforms.formats.lines import BYTE_ORDER_MARK
from transforms.formats.sniff import refuse_other_formats
from transforms.mapping.csv_rows import row_pattern
from transforms.mapping.maps import MapError
from transforms.rules.limits import MAX_LINE_BYTES
from transforms.rules.rejections import shown

HEAD_BYTES: Final = 64 * 1024
DELIMITERS: Final = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
"""Words for delimiters that are hard to write in an option."""
DECIMALS: Final = {"point": ".", "comma": ","}
"""Words for what stands in front of the fraction of a number."""
_OTHER_ORDER: Final = {"utf-16": codecs.BOM_UTF16_BE, "utf-32": codecs.BOM_UTF32_BE}
"""Encodings whose order of bytes a mark says, and the mark of the one that is not Python's default."""
_CONTROLS: Final = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1a\x1b"})
"""Bytes that text has not, but for a stray one in a cell."""
_NO_TEXT: Final = re.compile(b"[" + re.escape(_CONTROLS) + b"]")
_FEW_CONTROLS: Final = 8
_MULTIBYTE: Final = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")

csv.field_size_limit(MAX_LINE_BYTES)  # 128 KiB otherwise, for the whole process


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How the text of a table is read.

    Attributes:
        delimiter: One character between cells; None to take the tab if the header has one and no comma, else a comma.
        encoding: Of the file, as Python names it; None for UTF-8.
        decimal: What stands in front of the fraction of a number, a point or a comma. It is left out of the `repr`,
            which is part of the identity of maps from before there was a choice.
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str = field(default=".", repr=False)

    @classmethod
    def of(cls, delimiter: str | None, encoding: str | None, decimal: str | None = None) -> "CsvOptions":
        """The options that texts give.

        Raises:
            MapError: No delimiter, an encoding that is not known, or neither point nor comma.
        """
        if delimiter is not None:
            delimiter = DELIMITERS.get(delimiter, delimiter).replace("\\t", "\t")
            if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
                raise MapError(f"delimiter expects one character, or {', '.join(DELIMITERS)}, got {shown(delimiter)}")
        if encoding is not None:
            try:
                encoding = codecs.lookup(encoding).name
                "a,b\n".encode(encoding)
            except (LookupError, ValueError) as error:
                raise MapError(
                    f"encoding expects the name of an encoding such as latin-1 or utf-16, got {shown(encoding)}"
                ) from error
        mark = DECIMALS.get(decimal or "point", decimal or ".")
        if mark not in DECIMALS.values():
            raise MapError(f"decimal expects {' or '.join(DECIMALS)}, got {shown(decimal)}")
        return cls(delimiter, None if encoding in {"utf-8", "utf-8-sig"} else encoding, mark)


@dataclass(frozen=True, slots=True)
class Header:
    """The first row of a table.

    Attributes:
        names: Of the columns.
        delimiter: Between cells.
        end: Offset of the byte after it.
        lines: Lines that it takes, those in front of it too.
    """

    names: tuple[str, ...]
    delimiter: str
    end: int
    lines: int


def other_delimiter(names: Sequence[str]) -> str | None:
    """The delimiter of a table whose header was read as one cell with another one; None if it is not like that.

    >>> other_delimiter(["a;b"]), other_delimiter(["a", "b"])
    (';', None)
    """
    return next((each for each in ";|\t" if each in names[0]), None) if len(names) == 1 else None


def delimiter_option(delimiter: str) -> str:
    """The option that gives a delimiter, as a shell takes it in quotes.

    >>> delimiter_option("|"), delimiter_option(";")
    ('delimiter=pipe', 'delimiter=;')
    """
    words = {"\t": "tab", "|": "pipe"}
    return f"delimiter={words.get(delimiter, delimiter)}"


def delimiter_of(stream: BinaryIO, options: CsvOptions) -> str | None:
    """The delimiter by which a table is read; None if it has no header.

    Raises:
        Unreadable: As `header_of`.
    """
    head = utf8(stream, options.encoding).read(HEAD_BYTES)
    header = header_of(head[: head.rfind(b"\n") + 1 or len(head)], options.delimiter)
    return None if header is None else header.delimiter


def utf8(stream: BinaryIO, encoding: str | None) -> BinaryIO:
    """The bytes of a stream in UTF-8; what cannot be decoded becomes bytes that are not UTF-8, for the rows alone."""
    return stream if encoding is None else Transcoded(stream, encoding)  # type: ignore[return-value] # has `read`


class Transcoded(io.RawIOBase):
    """A stream in UTF-8 of one in another encoding.

    Attributes:
        row_encoding: The encoding of a row inside the file, where no byte order mark stands in front of it; known once
            something was read.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        """Takes the stream, and its encoding as `CsvOptions` has it."""
        super().__init__()
        self._stream = stream
        self._is_begun = False
        self.row_encoding = encoding.removesuffix("-sig")
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")

    def read(self, size: int | None = -1, /) -> bytes:
        """About so many bytes; none at the end alone."""
        while True:
            block = self._stream.read(-1 if size is None else size)
            if not self._is_begun:
                self._is_begun = True
                self.row_encoding = _in_order(self.row_encoding, block)
            text = self._decoder.decode(block, final=not block)
            if text or not block:
                return text.encode("utf-8", "surrogatepass")


def _in_order(encoding: str, head: bytes) -> str:
    """The encoding with the byte order that the mark at the start of a file gives, where a mark does."""
    if encoding not in _OTHER_ORDER:
        return encoding
    return f"{encoding}-{'be' if head.startswith(_OTHER_ORDER[encoding]) else 'le'}"


def check_encoding(head: bytes) -> None:
    """Checks that a file that begins with `head` is text in UTF-8.

    Raises:
        Unreadable: It is in another encoding or format, which the message names.
    """
    refuse_other_formats(head, "expected CSV", "--map manifest:encoding=")
    refuse_binary(head)
    try:
        head[: head.rfind(b"\n") + 1].decode()
    except UnicodeDecodeError as error:
        if _MULTIBYTE.search(head) is None:  # otherwise it is UTF-8, with a row that is not
            line = head.count(b"\n", 0, error.start) + 1
            raise Unreadable(
                f"expected UTF-8, got the byte 0x{head[error.start]:02x} in line {line}, as Latin-1 and Windows-1252 "
                "have it; give the encoding: --map manifest:encoding=latin-1, or encoding below [csv] in a map file",
                0,
                1,
            ) from error


def refuse_binary(head: bytes, *, most: float = 1) -> None:
    """Refuses a file that begins with `head` if that is no text: its first line has bytes that names have not.

    Args:
        head: Its first bytes.
        most: The share of such bytes that may be in the cells below.

    Raises:
        Unreadable: It is binary.
    """
    found = _NO_TEXT.search(head.lstrip(b"\r\n").partition(b"\n")[0])
    if found is None and len(head) - len(head.translate(None, _CONTROLS)) > max(_FEW_CONTROLS, len(head) * most):
        found = _NO_TEXT.search(head)
    if found is not None:
        seen = f"binary data: the byte 0x{found[0].hex()} is among the first"
        raise Unreadable(f"expected CSV, got {seen}; export it as CSV or NDJSON", 0, 1)


def header_of(head: bytes, delimiter: str | None) -> Header | None:
    """The header of a table that begins with `head`; None if it has only blank lines.

    Raises:
        Unreadable: It is not in UTF-8, a quote in it is not closed, a CR alone ends it, or two columns have one name.
    """
    at = len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0
    lines = 0
    while at < len(head):  # blank lines in front
        end = head.find(b"\n", at) + 1 or len(head)
        if head[at:end].strip():
            break
        at, lines = end, lines + 1
    if at >= len(head):
        return None
    while end < len(head) and head.count(b'"', at, end) % 2:
        end = head.find(b"\n", end) + 1 or len(head)
    found = delimiter or ("\t" if b"\t" in head[at:end] and b"," not in head[at:end] else ",")
    row = row_pattern(found).match(head, at)
    if row is None:
        raise Unreadable(f"expected the end of a name in quotes, got the header {_shown(head[at:end])}", at, lines + 1)
    end = row.end()
    if b"\r" in head[at:end].rstrip(b"\r\n") and b'"' not in head[at:end]:
        raise Unreadable(
            f"expected rows that end in LF or CRLF, got a CR alone in {_shown(head[at:end])}; write it with other line "
            "ends: tr '\\r' '\\n'",
            at,
            lines + 1,
        )
    lines += max(head.count(b"\n", at, end), 1)
    try:
        text = head[at:end].decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected a header in UTF-8, got {head[at:end][:60]!r}; give the encoding", at, 1) from error
    names = _cells(text, found)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice == [""]:
        raise Unreadable("expected columns with names, got several without one; name each of them", at, 1)
    if twice:
        raise Unreadable(f"expected columns of different names, got {shown(twice[0])} twice; rename one", at, 1)
    return Header(tuple(names), found, end, lines)


def _shown(head: bytes) -> str:
    return shown(head[:60].decode("utf-8", "replace"))


def _cells(text: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise Unreadable(f"expected a header, got {shown(text)} ({error})", 0, 1) from error
