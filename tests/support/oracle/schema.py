"""What is said about the fields of a group, given the accepted records of the version (T1-T3, V5, V7, U5).

Numbers are exact: sums and means are fractions of the numbers as they were written, rounded once at the end.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from support.oracle.declared import Declaration
from support.oracle.metadata import RESERVED, Metadata

MAX_CATEGORIES = 250
MAX_CATEGORY_CHARACTERS = 4 * 1024 * 1024
KIND = {
    "bool": "string",
    "int": "number",
    "float": "number",
    "string": "string",
    "list": "other",
    "object": "other",
}


def describe(
    records: Sequence[Metadata],
    text: frozenset[str] = frozenset(),
    declared: Mapping[str, Declaration] | None = None,
) -> dict[str, Any]:
    """The schema of a group.

    Args:
        records: all that the group holds.
        text: the fields that an earlier version held as text (T2).
        declared: what was declared of its fields (D1).
    """
    declared = declared or {}
    keys = sorted({key for record in records for key in record.values} | declared.keys())
    return {
        "records": len(records),
        "fields": {key: _field(key, records, is_sticky=key in text, declaration=declared.get(key)) for key in keys},
    }


def _field(
    key: str, records: Sequence[Metadata], *, is_sticky: bool, declaration: Declaration | None
) -> dict[str, Any]:
    having = [record for record in records if key in record.values]
    values = [record.values[key] for record in having if record.values[key] is not None]
    observed = Counter(record.observed[key] for record in having if record.values[key] is not None)
    kinds = Counter(KIND[name] for name in observed.elements())
    field: dict[str, Any] = {
        "present": len(values),
        "null": len(having) - len(values),
        "missing": len(records) - len(having),
        "observed": {name: observed[name] for name in KIND},
        "kinds": dict(kinds),
        "kind": None,
        "storage": None,
        "distinct": None,
        "categories": None,
        "minimum": None,
        "maximum": None,
        "mean": None,
        "stddev": None,
        "inexact": 0,
        "declared": declaration,
    }
    if key in RESERVED:
        return field | {"type": "reserved", "kind": "other", "storage": "json"}
    if not kinds:  # nothing but nulls is no evidence (V5); what is declared is listed all the same (D3)
        of_none = {"type": "empty"} if declaration is None else {"type": declaration.type, "kind": declaration.kind}
        return field | of_none
    if len(kinds) > 1 or (declaration is not None and declaration.kind not in kinds):  # (T3, D2)
        return field | {"type": "conflict"}
    (kind,) = kinds
    field["kind"] = kind
    if kind == "other":
        return field | {"type": "other", "storage": "json"}
    if kind == "string":
        return field | _strings(values, is_sticky=is_sticky, declaration=declaration)
    is_geographic = any(key in record.located for record in having)
    return field | {"type": "geographic" if is_geographic else "numerical"} | _numbers(values)


def _strings(values: list[str], *, is_sticky: bool, declaration: Declaration | None) -> dict[str, Any]:
    counts = Counter(values)
    is_text = is_sticky or len(counts) > MAX_CATEGORIES  # 250 is categorical, 251 is text (T1)
    is_text |= sum(map(len, counts)) > MAX_CATEGORY_CHARACTERS  # (R8)
    if declaration is not None and declaration.type == "text":
        is_text = True  # from the first value (D3)
    elif declaration is not None and declaration.choices is not None:
        is_text = False  # however many (D3)
    by_count = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return {
        "type": "text" if is_text else "categorical",
        "storage": "string",
        "distinct": {"value": len(counts), "exact": True},
        "categories": None if is_text else [{"value": value, "count": count} for value, count in by_count],
    }


def _numbers(values: list[Any]) -> dict[str, Any]:
    storage = "long" if all(type(value) is int and -(2**63) <= value < 2**63 for value in values) else "double"
    ratios = [value.as_integer_ratio() for value in values]
    unit = math.lcm(*(denominator for _, denominator in ratios))
    exact = [numerator * (unit // denominator) for numerator, denominator in ratios]  # in so many parts of one
    return {
        "storage": storage,
        "distinct": {"value": len(set(exact)), "exact": True},
        "minimum": stored(min(values), storage),
        "maximum": stored(max(values), storage),
        "mean": sum(exact) / (unit * len(exact)),
        "stddev": _spread(exact, unit),
        # Integers that a double cannot hold, whatever the storage (V7).
        "inexact": sum(type(value) is int and int(float(value)) != value for value in values),
    }


def stored(value: Any, storage: str | None) -> Any:
    """A number as its column holds it (V7); anything else as it is."""
    return float(value) if storage == "double" and value is not None else value


def _spread(exact: list[int], unit: int) -> float:
    """The population's standard deviation of values in parts of one, scaled so that squares stay within a double."""
    count, total = len(exact), sum(exact)
    distances = [value * count - total for value in exact]  # from the mean, in parts of `unit * count`
    scale = max(map(abs, distances))
    if scale == 0:
        return 0.0
    variance = sum(distance * distance for distance in distances) / (scale * scale * count)
    return scale / (unit * count) * math.sqrt(variance)
