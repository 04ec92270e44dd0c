"""Checks the context attachments of many records at once, as one long table; unusual ones are left to the rule (A1)."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import orjson
import polars as pl

from transforms.kernels.batch.members import Members, are_objects, members, objects_of
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.attachments import MAX_ATTACHMENT_CHARACTERS, MAX_ATTACHMENTS, MOST_CHARACTERS_PER_BYTE, NUMBERS
from transforms.rules.core_keys import NUMBER
from transforms.rules.values import LONG_MAXIMUM, JsonValue, Objects

_MAX_BYTES = MAX_ATTACHMENT_CHARACTERS // MOST_CHARACTERS_PER_BYTE
_SIZED = 256
"""So many records are measured together."""
_KEYS = ("attachment", "frame", *(member for member, _, _ in NUMBERS), "metadata")
_OBJECT, _INTEGER, _TEXT = frozenset({dict}), frozenset({int}), frozenset({str})


def unusual_attachments(values: Sequence[JsonValue]) -> set[int]:
    """Positions of the values that the rule rejects, or would change: those of an empty list are null.

    As elsewhere, integers of more than 64 bits are not expected.
    """
    lists = [value if isinstance(value, list) else [] for value in values]
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    unusual = {place for place in np.flatnonzero(counts == 0).tolist() if values[place] is not None}
    unusual.update(np.flatnonzero(counts > MAX_ATTACHMENTS).tolist())
    for start in range(0, len(lists), _SIZED):
        if _is_large(lists[start : start + _SIZED]):
            unusual.update(
                start + place for place, value in enumerate(lists[start : start + _SIZED]) if _is_large(value)
            )
    given = list(chain.from_iterable(lists))
    faulty = _faulty(objects_of(given))
    if not are_objects(given):
        faulty.update(place for place, value in enumerate(given) if not isinstance(value, dict))
    if faulty:
        owners = np.repeat(np.arange(len(lists)), counts)
        unusual.update(owners[list(faulty)].tolist())
    return unusual


def _is_large(value: Sequence[JsonValue]) -> bool:
    """Whether attachments, or those of several records together, may be beyond the limit of their characters (R8)."""
    try:
        return len(orjson.dumps(value)) > _MAX_BYTES
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return True


def _faulty(objects: Objects) -> set[int]:
    """Positions of the attachments that have a fault."""
    found = members(objects, _KEYS)
    faulty = _faulty_urls(found["attachment"], len(objects))
    faulty |= found["metadata"].outside(_OBJECT) | _wrong(found["frame"], _INTEGER, 0, LONG_MAXIMUM)
    for member, keys, is_positive in NUMBERS:
        places, values = found[member]
        faulty |= found[member].outside(_OBJECT)
        inner = members(objects_of(values), keys)
        least = np.nextafter(0, 1) if is_positive else -np.inf
        for key in keys:
            wrong = _wrong(inner[key], NUMBER, least, np.inf)
            if len(inner[key].places) < len(values):
                wrong |= set(range(len(values))).difference(inner[key].places)
            faulty.update(places[place] for place in wrong)
    return faulty


def _wrong(column: Members, types: frozenset[type], least: float, most: float) -> set[int]:
    """Places of the values that are none of these types, or are numbers out of a range."""
    wrong = column.outside(types)
    numbers = column.values
    if wrong:
        numbers = [value if isinstance(value, int | float) else least for value in numbers]
    if numbers and not (least <= min(numbers) and max(numbers) <= most):  # type: ignore[operator, type-var] # numbers
        wrong.update(
            place
            for place, number in zip(column.places, numbers, strict=True)
            if not least <= number <= most  # type: ignore[operator] # a number
        )
    return wrong


def _faulty_urls(urls: Members, count: int) -> set[int]:
    """Positions of the attachments, of so many, without a URL that has a canonical form (K4)."""
    faulty = urls.outside(_TEXT)
    texts = [url if isinstance(url, str) else "" for url in urls.values] if faulty else urls.values
    faulty.update(place for place, text in zip(urls.places, texts, strict=True) if not text)
    if len(urls.places) < count:
        faulty.update(set(range(count)).difference(urls.places))
    errors = canonical_column(pl.Series("url", texts, pl.String))[1]
    if errors.null_count() < len(errors):
        faulty.update(urls.places[place] for place in errors.is_not_null().arg_true().to_list())
    return faulty
