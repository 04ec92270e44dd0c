"""Turns metadata keys into Avro names of columns, unique among the keys of their group (V9)."""

import hashlib
import re
from collections.abc import Iterable, Iterator

HASH_DIGITS = 8  # hexadecimal; more only where two names would be the same

_AVRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_INVALID = re.compile(r"[^A-Za-z0-9_]", re.ASCII)


def columns(keys: Iterable[str]) -> dict[str, str]:
    """Return the column of each key, sorted by key: distinct keys have distinct columns.

    A key that is an Avro name keeps it. Of any other the name depends on the key alone, unless it is taken.

    >>> columns(["speed", "cs:type", "2nd", ""])
    {'': '__e3b0c442', '2nd': '_2nd_c21365c7', 'cs:type': 'cs_type_801193fd', 'speed': 'speed'}
    """
    ordered = sorted(set(keys))
    names = {key: key for key in ordered if _AVRO_NAME.fullmatch(key)}
    taken = set(names)
    for key in ordered:
        if key not in names:
            names[key] = next(name for name in _candidates(key) if name not in taken)
            taken.add(names[key])
    return {key: names[key] for key in ordered}


def _candidates(key: str) -> Iterator[str]:
    """Yield names for a key that is no Avro name: with ever more digits of its hash, then with underscores."""
    stem = _INVALID.sub("_", key)
    if not stem or stem[0].isdigit():
        stem = "_" + stem
    digits = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    for length in range(HASH_DIGITS, len(digits) + 1):
        yield f"{stem}_{digits[:length]}"
    name = f"{stem}_{digits}"
    while True:
        name += "_"
        yield name
