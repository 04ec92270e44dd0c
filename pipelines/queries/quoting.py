"""Quotes names as a query needs them."""

import json
import re

from pipelines.streams import json_text

_WORD = re.compile(r"\w+")
_VALUE = re.compile(r"(?!(?:AND|OR|WITHIN)\Z)[^\W\d]\w*")


def quoted(name: str, *, always: bool = False) -> str:
    """A name as a part of a path; quoted if it is no plain word, or `always`.

    >>> quoted("weather"), quoted("a.b"), quoted("")
    ('weather', '"a.b"', '""')
    """
    return name if not always and _WORD.fullmatch(name) else json_text(name)


def text_value(text: str, *, always: bool = False) -> str:
    """A text as the right side of a comparison: a word if it can be one and is not to be quoted `always`.

    >>> text_value("rain"), text_value("OR"), text_value("two words"), text_value("31")
    ('rain', '"OR"', '"two words"', '"31"')
    """
    return text if not always and _VALUE.fullmatch(text) else json_text(text)


def unquoted(name: str) -> str:
    """The name or text that is typed, perhaps in quotes, of which the last may still be missing.

    >>> unquoted("rain"), unquoted('"two words"'), unquoted('"two wo')
    ('rain', 'two words', 'two wo')
    """
    if not name.startswith('"'):
        return name
    try:
        return str(json.loads(name))
    except ValueError:  # the quote is not closed yet
        return name[1:].replace('\\"', '"').replace("\\\\", "\\")
