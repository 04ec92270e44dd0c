"""Counts the values of a raw JSON record before it is parsed, which refuses one that has too many (R8)."""

import re
from typing import Final

from transforms.rules.limits import MAX_RECORD_VALUES
from transforms.rules.rejections import Code, Fault

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
SHORTEST: Final = 2 * MAX_RECORD_VALUES
"""Bytes of the shortest record that can have too many values: each but the last takes one, and a comma or bracket."""
_COUNTED: Final = b",[{"
"""Each value but the first of a list or object follows a comma; the first one follows the bracket."""


def value_fault(record: bytes) -> Fault | None:
    """The fault of a record with more than MAX_RECORD_VALUES values, as `malformed_json`; None for any other.

    An empty list or object counts as two values. What is no JSON has no fault here, unless it looks so large.

    >>> value_fault(b"[%s1]" % (b"1," * 2_000_000)).message
    'expected a record of at most 2,000,000 values, got more'
    >>> value_fault(b'{"text": "%s"}' % (b"1," * 2_000_000)) is None
    True
    """
    if len(record) <= SHORTEST or (count := _counted(record)) < MAX_RECORD_VALUES:
        return None
    # Text may have as many commas: only those between values count.
    if count - sum(_counted(match[0]) for match in _STRING.finditer(record)) < MAX_RECORD_VALUES:
        return None
    return Fault(Code.MALFORMED_JSON, f"expected a record of at most {MAX_RECORD_VALUES:,} values, got more")


def _counted(text: bytes) -> int:
    return sum(text.count(byte) for byte in _COUNTED)
