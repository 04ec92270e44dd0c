"""Takes JSON objects apart into the texts of their members, and puts texts together, so that no digit changes (V7)."""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

Members = dict[str, bytes]
"""Key to the JSON text of its value."""

NULL: Final = b"null"
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MOST_DIGITS: Final = 4_000
"""Far beyond any id, and below the limit of the interpreter's conversion."""
_SPACE: Final = b" \t\r\n"


def members(text: bytes) -> Members | None:
    """The members of an object, of duplicate keys the last (F3); None for text that is no JSON object."""
    try:
        return {key: bytes(value) for key, value in _MEMBERS.decode(text).items()}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def elements(text: bytes) -> list[bytes] | None:
    """The elements of a list; None for text that is no JSON list."""
    try:
        return [bytes(each) for each in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def given(found: Members, key: str) -> bytes | None:
    """The text of a value, None if it is missing or null."""
    text = found.get(key)
    return None if text == NULL else text


def string(text: bytes | None) -> str | None:
    """The string that a text is, None for another value and for the empty one."""
    if text is None or not text.startswith(b'"'):
        return None
    try:
        return msgspec.json.decode(text, type=str) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def identity(text: bytes | None) -> int | str | None:
    """The id that a text is: an integer, also one written as 17.0, or a string; None for anything else.

    >>> identity(b"17"), identity(b"1.7e1"), identity(b'"17"'), identity(b"1.5"), identity(b"true")
    (17, 17, '17', None, None)
    """
    if text is None:
        return None
    if text.isdigit() and len(text) <= _MOST_DIGITS:  # the usual case
        return int(text)
    if text.startswith(b'"'):
        return string(text)
    if text.removeprefix(b"-").isdigit():
        return int(text) if len(text) <= _MOST_DIGITS else None
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def numbers(text: bytes) -> list[bytes] | None:
    """The numbers of a list of nothing else; None if there are others.

    >>> numbers(b"[1, 2.50]"), numbers(b"[]"), numbers(b'["1"]'), numbers(b"[[1]]")
    ([b'1', b'2.50'], [], None, None)
    """
    inner = text.translate(None, _SPACE)[1:-1]
    if not text.startswith(b"[") or inner.translate(None, b"-+.,eE0123456789"):
        return None
    return inner.split(b",") if inner else []


def value_of(text: bytes) -> object:
    """The value that a JSON text is, to be shown to a person; the text itself if it is none."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")
    return found


def differs(one: bytes, other: bytes) -> bool:
    """Whether two JSON texts are no ids of one thing.

    >>> differs(b'"17"', b"17"), differs(b"17.0", b"17"), differs(b'"a"', b"17"), differs(b"[1]", b"[1]")
    (False, False, True, False)
    """
    return one != other and f"{identity(one)}" != f"{identity(other)}"


def text_of(value: str) -> bytes:
    """The JSON text of a string."""
    return json.dumps(value, ensure_ascii=False).encode()


@lru_cache(maxsize=10_000)
def _key(key: str) -> bytes:
    return text_of(key) + b":"


def object_of(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    """The text of an object with these keys and texts of values.

    >>> object_of([("a", b"1.50"), ("b", b"[]")])
    b'{"a":1.50,"b":[]}'
    """
    return b"{" + b",".join([_key(key) + value for key, value in pairs]) + b"}"
