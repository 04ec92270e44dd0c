"""Shortens strings and formats large numbers for the page, so that JavaScript shows them exactly."""

import math
from typing import TypeAlias

LONGEST = 200
"""Default number of characters that are kept of a string."""
_EXACT = 2**53
"""The largest integer up to which JavaScript is exact."""


Cut: TypeAlias = str | list[str | int]
"""A text, or its beginning and its length in characters."""


def cut(text: str, longest: int = LONGEST) -> Cut:
    """The text; a longer one as `[beginning, length]`, its beginning and its length in characters.

    >>> cut("rain"), cut("rainy days", 4)
    ('rain', ['rain', 10])
    """
    return text if len(text) <= longest else [text[:longest], len(text)]


def exact(number: float | None) -> str | float | None:
    """The number, or its text if JavaScript would round it or JSON cannot express it.

    >>> exact(2**53), exact(2**53 + 1), exact(0.1), exact(float("inf")), exact(None)
    (9007199254740992, '9007199254740993', 0.1, 'inf', None)
    """
    if isinstance(number, int):
        return str(number) if abs(number) > _EXACT else number
    return number if number is None or math.isfinite(number) else str(number)
