"""Finds many complete elements of a JSON list at once, for `document_lists`: several times as fast as one by one.

Only what is beyond doubt is found: objects and lists whose brackets match, with nothing but a comma between them. The
others are left to the reader, whose rules for faulty elements apply (R2).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]

_SPACE: Final = b" \t\r\n"
_QUOTE, _CLOSES = 1, 1
_KINDS: Final = bytes.maketrans(bytes(range(256)), bytes(max(0, b' "{}[]'.find(byte)) for byte in range(256)))
"""Kinds of the bytes that give a text its structure: an opening bracket is even, its counterpart is the next number."""


def whole_elements(data: bytes, at: int) -> tuple[Places, Places]:
    r"""Start and end of elements of a list from a place on, which is in front of an element: int64[N] each.

    The elements follow each other; there may be more behind them.

    >>> [each.tolist() for each in whole_elements(b'{"a": "]\\""}, [1], {"b"', 0)]
    [[0, 14], [12, 17]]
    """
    none = np.empty(0, np.int64)
    kinds = np.frombuffer(data[at:].translate(_KINDS), np.uint8)
    places = np.flatnonzero(kinds != 0)
    kinds = kinds[places]
    places += at
    is_quote = kinds == _QUOTE
    quotes = _without_escaped(data, places[is_quote])
    places, kinds = places[~is_quote], kinds[~is_quote]
    outside = np.searchsorted(quotes, places) % 2 == 0
    places, kinds = places[outside], kinds[outside]
    closes = kinds % 2 == _CLOSES
    depths = np.cumsum(np.where(closes, -1, 1))
    if len(below := np.flatnonzero(depths < 0)):  # the end of the list itself
        places, kinds, closes, depths = (each[: below[0]] for each in (places, kinds, closes, depths))
    last = np.flatnonzero(depths == 0)
    if not len(last):
        return none, none
    used = slice(0, int(last[-1]) + 1)
    if not _match(kinds[used], depths[used] + closes[used]):
        return none, none
    starts = places[np.concatenate([np.zeros(1, np.int64), last[:-1] + 1])]
    ends = places[last] + 1
    count = _undoubted(data, at, starts, ends)
    return starts[:count], ends[:count]


def _without_escaped(data: bytes, quotes: Places) -> Places:
    """The quotes that begin or end a string: those behind an odd number of backslashes are inside of one."""
    if not len(quotes) or data.find(b"\\") < 0:
        return quotes
    block = np.frombuffer(data, np.uint8)
    behind = np.flatnonzero(block[np.maximum(quotes - 1, 0)] == ord("\\"))
    escaped = []
    for number, place in zip(behind.tolist(), quotes[behind].tolist(), strict=True):
        text = data[int(quotes[number - 1]) + 1 if number else 0 : place]
        if (len(text) - len(text.rstrip(b"\\"))) % 2:
            escaped.append(number)
    return np.delete(quotes, escaped)


def _match(kinds: npt.NDArray[np.uint8], depths: Places) -> bool:
    """Whether each bracket has its counterpart: at each depth they follow each other in pairs."""
    if int(depths.max()) > np.iinfo(np.int16).max:
        return False
    pairs = kinds[np.argsort(depths.astype(np.int16), kind="stable")]
    return bool((pairs[::2] + 1 == pairs[1::2]).all())


def _undoubted(data: bytes, at: int, starts: Places, ends: Places) -> int:
    """How many elements have nothing but white space in front, and a comma or the end of the list behind them."""
    if data[at : int(starts[0])].strip(_SPACE):
        return 0
    block = np.frombuffer(data, np.uint8)
    gaps = starts[1:] - ends[:-1]
    usual = (gaps >= 1) & (block[ends[:-1]] == ord(","))
    usual &= (gaps == 1) | ((gaps == 2) & np.isin(block[ends[:-1] + 1], list(_SPACE)))  # noqa: PLR2004 - ", "
    for number in np.flatnonzero(~usual).tolist():
        if data[int(ends[number]) : int(starts[number + 1])].strip(_SPACE) != b",":
            return number  # the element in front of such a gap may go on in it
    behind = int(ends[-1])
    while behind < len(data) and data[behind] in _SPACE:
        behind += 1
    return len(starts) - (data[behind : behind + 1] not in (b",", b"]"))
