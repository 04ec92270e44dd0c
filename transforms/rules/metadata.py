"""One metadata object: what of it is reserved, its coordinates, and whether its numbers can be stored."""

from dataclasses import dataclass

from transforms.rules import attachments, coordinates
from transforms.rules.crowds import MAX_RECORD_KEYS
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, JsonValue, number_fault

CAMERA_PARAMS = "camera_params"
RESERVED = frozenset({attachments.FIELD, CAMERA_PARAMS})
"""Keys that are no queryable field (T1, A1, A2)."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A metadata object that passed every rule.

    Attributes:
        fields: Key to value, null included; coordinates are numbers. Booleans are still booleans.
        warnings: Codes of what is odd but passes.
    """

    fields: JsonObject
    warnings: tuple[str, ...] = ()


EMPTY = Metadata({})


def normalize(  # noqa: PLR0911 - one for each rule that a value can break
    value: JsonValue, *, locate: bool = True
) -> Metadata | Fault:
    """The metadata of a record: absent, null and {} are one thing (G4), coordinates become numbers (C4).

    With `locate` off coordinates are left as they are: those of an update are judged in what it makes of a row (U3).

    >>> normalize({"lat": "52.5", "lon": 13.3, "night": True}).fields
    {'lat': 52.5, 'lon': 13.3, 'night': True}
    >>> normalize([]).code.value
    'invalid_metadata'
    """
    if value is None:
        return EMPTY
    if not isinstance(value, dict):
        return expected(Code.INVALID_METADATA, "an object", value, at="metadata")
    if len(value) > MAX_RECORD_KEYS:
        return Fault(
            Code.TOO_MANY_FIELDS,
            f"expected at most {MAX_RECORD_KEYS:,} keys, got {len(value):,} at metadata",
            "metadata",
        )
    checked = attachments.attachments(value.get(attachments.FIELD))
    if isinstance(checked, Fault):
        return checked
    camera = value.get(CAMERA_PARAMS)
    if camera is not None and not isinstance(camera, dict):
        return expected(Code.INVALID_FIELD, "an object", camera, at=f"metadata.{CAMERA_PARAMS}")
    located = coordinates.locate(value) if locate else coordinates.Coordinates(None, {}, ())
    if isinstance(located, Fault):
        return located
    fault = number_fault(value)
    if fault:
        return fault
    fields = {**value, **located.numbers}
    if fields.get(attachments.FIELD) == []:
        fields[attachments.FIELD] = None
    return Metadata(fields, located.warnings)
