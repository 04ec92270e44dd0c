"""Finds the known names nearest to a mistyped one, for every error about an unknown name."""

import difflib
from collections.abc import Iterable

_SUGGESTION_CUTOFF = 0.7
"""Least similarity, of 1, of a name that is suggested alone."""


def near(name: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> list[str]:
    """The known names most similar to this one, the nearest first.

    >>> near("wether", ["weather", "speed", "Weather"])
    ['weather', 'Weather']
    """
    names = list(dict.fromkeys(known))
    folded: dict[str, list[str]] = {}
    for each in names:
        folded.setdefault(each.casefold(), []).append(each)
    close = difflib.get_close_matches(name.casefold(), list(folded), n=most, cutoff=cutoff)
    found = [each for match in close for each in folded[match]]
    return sorted(found, key=lambda each: -difflib.SequenceMatcher(None, name, each).ratio())[:most]


def hint(name: str, known: Iterable[str]) -> str:
    """Advice about an unknown flag, command, key or choice: the nearest name, or else all known names.

    >>> hint("ingset", ["ingest", "schema"]), hint("xyz", ["ingest", "schema"])
    ('did you mean ingest?', 'known are ingest, schema')
    """
    names = list(known)
    return suggestion(name, names) or f"known are {', '.join(names)}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """A question that suggests the nearest known name; empty if none is near enough.

    >>> known = ["--dataset", "--dry-run"]
    >>> suggestion("--datset", known), suggestion("--dry", known), suggestion("xyz", known)
    ('did you mean --dataset?', 'did you mean --dry-run?', '')
    """
    names = list(known)
    found = near(name, names, most=1, cutoff=_SUGGESTION_CUTOFF)
    found = found or [each for each in names if name.strip("-") and each.startswith(name)]
    return f"did you mean {found[0]}?" if found else ""
