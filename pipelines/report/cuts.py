"""Shortens strings and formats large numbers for the page, so that JavaScript shows them exactly."""

import math

from transforms.rules.values import JsonValue

LONGEST = 200
"""Characters of a string that are kept, unless said otherwise."""
_EXACT = 2**53
"""Beyond it a number of JavaScript does not tell neighbouring integers apart."""


def cut(text: str, longest: int = LONGEST) -> JsonValue:
    """The text, or of a longer one its beginning and its length in characters, `[beginning, length]`.

    >>> cut("rain"), cut("rainy days", 4)
    ('rain', ['rain', 10])
    """
    return text if len(text) <= longest else [text[:longest], len(text)]


def exact(number: JsonValue) -> JsonValue:
    """The number, or its text where JavaScript would round it, or JSON has no word for it.

    >>> exact(2**53), exact(2**53 + 1), exact(0.1), exact(float("inf")), exact(None)
    (9007199254740992, '9007199254740993', 0.1, 'inf', None)
    """
    match number:
        case int() if abs(number) > _EXACT:
            return str(number)
        case float() if not math.isfinite(number):
            return str(number)
        case _:
            return number
