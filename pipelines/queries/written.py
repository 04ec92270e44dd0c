"""Quotes names as a query needs them."""

import re

from pipelines.streams import json_text

_WORD = re.compile(r"\w+")


def quoted(name: str, *, always: bool = False) -> str:
    """A name as a part of a path; quoted if it is no plain word, or `always`.

    >>> quoted("weather"), quoted("a.b"), quoted("")
    ('weather', '"a.b"', '""')
    """
    return name if not always and _WORD.fullmatch(name) else json_text(name)
