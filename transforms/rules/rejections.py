"""The closed list of rejection codes, and faults, which describe the reason of a rejection (R1, R3)."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

SHOWN_CHARACTERS = 120
"""Characters of an offending value in a message."""
_SHOWN_LEVELS = 500
"""A value that is nested deeper is not shown."""
_encode = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make one for each value


class Code(StrEnum):
    """The closed list of reasons of rejections (R3)."""

    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    INVALID_REFERENCE_ID = "invalid_reference_id"
    MISSING_URL = "missing_url"
    INVALID_URL = "invalid_url"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_FIELD = "invalid_field"
    INVALID_METADATA = "invalid_metadata"
    NON_FINITE_NUMBER = "non_finite_number"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    INVALID_COORDINATE = "invalid_coordinate"
    COORDINATE_OUT_OF_RANGE = "coordinate_out_of_range"
    INVALID_CONTEXT_ATTACHMENT = "invalid_context_attachment"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_REFERENCE = "unknown_reference"
    TYPE_CONFLICT = "type_conflict"
    NOT_A_CHOICE = "not_a_choice"
    TOO_MANY_FIELDS = "too_many_fields"
    UNREADABLE_EXPORT = "unreadable_export"
    UNKNOWN_KEY = "unknown_key"
    IMPLAUSIBLE_VALUE = "implausible_value"


@dataclass(frozen=True, slots=True)
class Fault:
    """The reason of the rejection of one record (R1).

    Attributes:
        code: One of the closed list.
        message: For a person, in the form ``expected a number, got "north" at metadata.lat``.
        field: Path of the faulty value in the record, None if the whole record is faulty.
    """

    code: Code
    message: str
    field: str | None = None


def shown(value: object) -> str:
    """The value as JSON text, truncated for a message.

    >>> shown("north"), shown([1, None]), shown(float("inf"))
    ('"north"', '[1, null]', 'Infinity')
    """
    if value is None:  # of a missing key
        return "null"
    if type(value) is float and math.isfinite(value):
        return repr(value)  # as the encoder writes it, which for anything but a text is made again each time
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > SHOWN_CHARACTERS * 3:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = _encode(value)
    except RecursionError:
        is_deep = True
    else:  # how deep an encoder goes differs between releases of Python, and by the calls around it
        is_deep = text.count("[") + text.count("{") > _SHOWN_LEVELS and _is_deep(value)
    if is_deep:
        return f"a deeply nested {type(value).__name__}"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def _is_deep(value: object) -> bool:
    """Whether lists and objects are nested in more than _SHOWN_LEVELS levels."""
    level = [value]
    for _ in range(_SHOWN_LEVELS):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = list(chain.from_iterable(inner))
        if not level:
            return False
    return True


def expected(code: Code, what: str, got: object, *, at: str) -> Fault:
    """The fault of a value that differs from the expected one (R1).

    >>> expected(Code.INVALID_COORDINATE, "a number", "north", at="metadata.lat").message
    'expected a number, got "north" at metadata.lat'
    """
    return Fault(code, f"expected {what}, got {shown(got)} at {at}", at)
