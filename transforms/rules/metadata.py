"""Validates and normalizes one metadata object: reserved keys, coordinates, numbers that can be stored (G4, V, C)."""

from dataclasses import dataclass

from transforms.rules import attachments, coordinates
from transforms.rules.key_limits import key_excess
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, JsonValue, number_fault

CAMERA_PARAMS = "camera_params"
RESERVED = frozenset({attachments.FIELD, CAMERA_PARAMS})
"""Reserved keys, which are no queryable fields (T1, A1, A2)."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A metadata object that passed every rule.

    Attributes:
        fields: Key to value, null included; coordinates are numbers. Booleans are still booleans.
        warnings: Codes of accepted irregularities.
    """

    fields: JsonObject
    warnings: tuple[str, ...] = ()


EMPTY = Metadata({})


def normalize(  # noqa: PLR0911 - one for each rule that a value can break
    value: JsonValue, *, locate: bool = True
) -> Metadata | Fault:
    """The metadata of a record: absent, null and {} are equivalent (G4), coordinates become numbers (C4).

    With `locate` off coordinates are not changed: those of an update are validated in the merged row (U3).

    >>> normalize({"lat": "52.5", "lon": 13.3, "night": True}).fields
    {'lat': 52.5, 'lon': 13.3, 'night': True}
    >>> normalize([]).code.value
    'invalid_metadata'
    """
    if value is None:
        return EMPTY
    if not isinstance(value, dict):
        return expected(Code.INVALID_METADATA, "an object", value, at="metadata")
    excess = key_excess(value)
    if excess is not None:
        return Fault(Code.TOO_MANY_FIELDS, excess, "metadata")
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
