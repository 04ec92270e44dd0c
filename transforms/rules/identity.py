"""Identity of records: reference ids, derived annotation ids, and the partition of each reference id (I)."""

import hashlib
import re
import zlib

from transforms.rules import core_keys
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonValue, Record, canonical_json, value_text

REFERENCE_ID = core_keys.text("reference_id")
REFERENCE_ID_IN_RESPONSES = "ref_id"
"""The key of the reference id where a record has none of the usual name (I1)."""
_DERIVED = re.compile(r"content-[0-9a-f]{32}")


def reference_id(record: Record) -> str | Fault:
    """The reference id of a record, also under its name in responses, `ref_id` (I1).

    >>> reference_id({"reference_id": "img_1"}), reference_id({"reference_id": 31}).code.value
    ('img_1', 'invalid_reference_id')
    """
    key = REFERENCE_ID.name
    if key not in record and REFERENCE_ID_IN_RESPONSES in record:
        key = REFERENCE_ID_IN_RESPONSES
    value = record.get(key)
    if isinstance(value, str) and value:
        return value
    return expected(Code.INVALID_REFERENCE_ID, "a non-empty string", value, at=key)


def derived_annotation_id(label: str, kind: str, geometry: JsonValue) -> str:
    """The id of an annotation without one, derived from its content: deterministic, and equal for equal numbers (I2).

    >>> derived_annotation_id("car", "box", {"x": 1}) == derived_annotation_id("car", "box", {"x": 1.0})
    True
    """
    return content_id(canonical_json([label, kind, geometry], numbers=value_text))


def content_id(text: str) -> str:
    """The derived id of a label, a type and a geometry in canonical JSON with equal texts for equal numbers."""
    return "content-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def is_derived(annotation_id: str | None) -> bool:
    """Whether an id has the form of an id derived from content.

    >>> is_derived(derived_annotation_id("car", "box", {"x": 1})), is_derived("content-free")
    (True, False)
    """
    return annotation_id is not None and _DERIVED.fullmatch(annotation_id) is not None


def partition_of(reference_id: str, partitions: int) -> int:
    """The partition of all rows with a reference id: CRC-32 of its UTF-8 bytes, modulo.

    >>> partition_of("img_1", 8)
    3
    """
    return zlib.crc32(reference_id.encode()) % partitions
