"""Limits the metadata keys of records and groups, and counts those of a group that has too many (R5, R8).

A job with more keys than a group may have fails, whatever their values are. Beyond twice the limit no step therefore
keeps values, but the smallest hashes of the keys. Such a set depends on the keys alone (T5), and is exact up to
MOST_COUNTED.
"""

import hashlib
from collections.abc import Collection, Iterable

from transforms.rules.limits import MIB

MAX_FIELDS = 2_000
"""Most metadata keys of a group, unless an option says otherwise."""
MAX_RECORD_KEYS = 100_000
"""Most metadata keys of one record; one with more is rejected (R8)."""
MAX_RECORD_KEY_CHARACTERS = 4 * MIB
"""Most characters of the metadata keys of one record, together; one with more is rejected (R8): each key is a field,
and stands in schemas, summaries and columns."""
MOST_COUNTED = 1 << 14
"""Keys are counted exactly up to this number; beyond it, it is only known that there are more."""
_KEPT_TIMES = 2
"""Fields are kept up to so many times the number that a group may have."""


def key_excess(keys: Collection[str]) -> str | None:
    """What the keys of a record have too much of, as an error message has it; None if they are within the limits."""
    if len(keys) > MAX_RECORD_KEYS:
        return f"expected at most {MAX_RECORD_KEYS:,} keys, got {len(keys):,} at metadata"
    characters = sum(map(len, keys))
    if characters > MAX_RECORD_KEY_CHARACTERS:
        return f"expected keys of at most {MAX_RECORD_KEY_CHARACTERS:,} characters, got {characters:,} at metadata"
    return None


def most_fields(max_fields: int) -> int:
    """How many fields are kept of a group that may have `max_fields`: the schema of a failed run still lists these."""
    return _KEPT_TIMES * max_fields


def key_digest(key: str) -> bytes:
    """The hash of a key, the same on every run: 8 bytes, big-endian."""
    return hashlib.blake2b(key.encode(), digest_size=8).digest()


def key_hashes(keys: Iterable[str]) -> frozenset[int]:
    """The hashes of keys, as far as they are kept.

    >>> len(key_hashes(["a", "b", "a"]))
    2
    """
    return smallest(int.from_bytes(key_digest(key)) for key in keys)


def smallest(hashes: Iterable[int]) -> frozenset[int]:
    """The smallest MOST_COUNTED of some hashes. Of unions, in any order and grouping, it gives the same."""
    found = frozenset(hashes)
    return found if len(found) <= MOST_COUNTED else frozenset(sorted(found)[:MOST_COUNTED])
