"""Checks the context attachments of many records at once, as one long table; unusual ones are left to the rule (A1)."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import polars as pl

from transforms.kernels.batch.metadata_columns import json_text
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.attachments import MAX_ATTACHMENT_CHARACTERS, MAX_ATTACHMENTS, MOST_CHARACTERS_PER_BYTE, NUMBERS
from transforms.rules.core_keys import ABSENT, NUMBER
from transforms.rules.values import LONG_MAXIMUM, JsonObject, JsonValue

_MAX_BYTES = MAX_ATTACHMENT_CHARACTERS // MOST_CHARACTERS_PER_BYTE


def unusual_attachments(values: Sequence[JsonValue]) -> set[int]:
    """Positions of the values that the rule rejects, or would change: those of an empty list are null.

    As elsewhere, integers of more than 64 bits are not expected.
    """
    lists = [value if isinstance(value, list) else [] for value in values]
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    unusual = {place for place in np.flatnonzero(counts == 0).tolist() if values[place] is not None}
    unusual.update(np.flatnonzero(counts > MAX_ATTACHMENTS).tolist())
    unusual.update(place for place, value in enumerate(lists) if len(json_text(value)) > _MAX_BYTES)
    faulty = _faulty(list(chain.from_iterable(lists)))
    if faulty:
        owners = np.repeat(np.arange(len(lists)), counts)
        unusual.update(owners[list(faulty)].tolist())
    return unusual


def _faulty(given: Sequence[JsonValue]) -> set[int]:
    """Positions of the attachments that have a fault."""
    faulty, objects = _objects(given, frozenset({dict}))
    faulty |= _faulty_urls([each.get("attachment") for each in objects])
    faulty |= _wrong([each.get("frame") for each in objects], frozenset({int, ABSENT}), 0, LONG_MAXIMUM)
    for member, keys, is_positive in NUMBERS:
        members = [each.get(member) for each in objects]
        wrong, _ = _objects(members, frozenset({dict, ABSENT}))
        faulty |= wrong
        there = [place for place, value in enumerate(members) if isinstance(value, dict)]
        inner = [value for value in members if isinstance(value, dict)]
        least = np.nextafter(0, 1) if is_positive else -np.inf
        for key in keys:
            faulty.update(there[place] for place in _wrong([each.get(key) for each in inner], NUMBER, least, np.inf))
    return faulty | _objects([each.get("metadata") for each in objects], frozenset({dict, ABSENT}))[0]


def _objects(values: Sequence[JsonValue], types: frozenset[type]) -> tuple[set[int], list[JsonObject]]:
    """Positions of the values of none of these types, and all of them, {} in the place of what is no object."""
    objects = [value if isinstance(value, dict) else {} for value in values]
    if types.issuperset(map(type, values)):
        return set(), objects
    return {place for place, value in enumerate(values) if type(value) not in types}, objects


def _wrong(values: Sequence[JsonValue], types: frozenset[type], least: float, most: float) -> set[int]:
    """Positions of the values that are none of these types, or are numbers out of a range."""
    wrong = set() if types.issuperset(map(type, values)) else {p for p, v in enumerate(values) if type(v) not in types}
    numbers = [value if isinstance(value, int | float) else least for value in values]
    if numbers and not (least <= min(numbers) and max(numbers) <= most):
        wrong.update(place for place, number in enumerate(numbers) if not least <= number <= most)
    return wrong


def _faulty_urls(urls: Sequence[JsonValue]) -> set[int]:
    """Positions of what is no URL with a canonical form (K4)."""
    texts = [url if isinstance(url, str) else "" for url in urls]
    errors = canonical_column(pl.Series("url", texts, pl.String))[1]
    faulty = {place for place, text in enumerate(texts) if not text}
    return faulty if errors.null_count() == len(errors) else faulty.union(errors.is_not_null().arg_true().to_list())
