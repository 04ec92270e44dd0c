"""Finds the extent of a run-length encoded mask of COCO, whose runs go down the columns."""

from typing import Final

import msgspec

_VALUE_BITS, _MORE, _NEGATIVE = 0x1F, 0x20, 0x10
_ZERO: Final = ord("0")
_MOST_BITS: Final = 64
_MOST_RUNS: Final = 2_000_000


class _Rle(msgspec.Struct):
    size: tuple[int, int]
    counts: str | list[int]


def rle_box(text: bytes) -> tuple[int, int, int, int] | None:
    """The x, y, width and height of a mask in pixels, zeros if it is empty; None for text that is no mask.

    >>> rle_box(b'{"size": [3, 3], "counts": [4, 2, 3]}'), rle_box(b'{"size": [3, 3], "counts": "423"}')
    ((1, 1, 1, 2), (1, 1, 1, 2))
    >>> rle_box(b'{"size": [2, 2], "counts": [4]}'), rle_box(b'{"counts": 4}')
    ((0, 0, 0, 0), None)
    """
    try:
        rle = msgspec.json.decode(text, type=_Rle)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    runs = rle.counts if isinstance(rle.counts, list) else _runs(rle.counts)
    height, width = rle.size
    if runs is None or height <= 0 or width <= 0 or min(runs, default=0) < 0 or sum(runs) > height * width:
        return None
    left, top, right, bottom = width, height, 0, 0
    begin = 0
    for number, run in enumerate(runs):
        if number % 2 and run:
            (first, y), (last, end) = divmod(begin, height), divmod(begin + run - 1, height)
            left, right = min(left, first), max(right, last + 1)
            top, bottom = (min(top, y), max(bottom, end + 1)) if first == last else (0, height)
        begin += run
    return (left, top, right - left, bottom - top) if right else (0, 0, 0, 0)


def _runs(text: str) -> list[int] | None:
    """The runs of the compressed form: differences to the run before the last, five bits a character."""
    runs: list[int] = []
    value = shift = 0
    for each in text:
        bits = ord(each) - _ZERO
        if not 0 <= bits <= _VALUE_BITS | _MORE or shift > _MOST_BITS or len(runs) > _MOST_RUNS:
            return None
        value |= (bits & _VALUE_BITS) << shift
        shift += 5
        if bits & _MORE:
            continue
        if bits & _NEGATIVE:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))  # noqa: PLR2004 - the first three stand as they are
        value = shift = 0
    return None if shift else runs
