"""Parses and applies the declared schema of a dataset: the types of fields, independent of their values (D)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from transforms.rules import coordinates
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.metadata import RESERVED
from transforms.rules.rejections import Code, Fault, expected, shown
from transforms.rules.schema_json import DeclaredFieldJson, DeclaredJson
from transforms.rules.values import JsonValue, Kind

SHOWN_CHOICES = 5
"""Number of choices in a message."""


class DeclarationError(ValueError):
    """An invalid declaration; the text has the expected value, the given one, and the path."""


class DeclaredType(StrEnum):
    """The declared type of a field (D1)."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    JSON = "json"
    GEOGRAPHIC = "geographic"


@dataclass(frozen=True, slots=True)
class DeclaredField:
    """The declaration of one field.

    Attributes:
        choices: The allowed strings of a category in the declared order, None for any.
        description: For a person.
    """

    type: DeclaredType
    choices: tuple[str, ...] | None = None
    description: str | None = None

    @property
    def kind(self) -> Kind:
        """The kind of the field, which takes precedence over the kinds of its values (D2)."""
        match self.type:
            case DeclaredType.NUMBER | DeclaredType.GEOGRAPHIC:
                return Kind.NUMBER
            case DeclaredType.CATEGORY | DeclaredType.TEXT:
                return Kind.STRING
            case DeclaredType.JSON:
                return Kind.OTHER
            case _:
                assert_never(self.type)


Declared: TypeAlias = Mapping[Group, Mapping[str, DeclaredField]]
"""The declared fields of each group that has any."""

_API_NAMES: Mapping[str, Group] = {"item_metadata_schema": "items", "annotation_metadata_schema": "annotations"}
"""Names of the groups in an API request that creates a dataset (FORMATS 1.10)."""
_NAMES: Mapping[str, Group] = {**{group: group for group in GROUPS}, **_API_NAMES}
_TYPES: Mapping[str, DeclaredType] = {
    **{each.value: each for each in DeclaredType},
    "numerical": DeclaredType.NUMBER,
    "categorical": DeclaredType.CATEGORY,
    "other": DeclaredType.JSON,
}
_MEMBERS = ("type", "choices", "description")


def parse(document: object) -> dict[Group, dict[str, DeclaredField]]:
    """The declaration in a document: `{group: {field: type or {type, choices, description}}}` (D1).

    A group without fields is kept as an empty one, with which `updated` drops the group. The API's names of groups are
    accepted, too, and null as their value, with which the API marks an absent declaration.

    Raises:
        DeclarationError: The document is invalid; the text has the path of the fault.

    >>> parse({"items": {"speed": "number"}})["items"]["speed"].type
    <DeclaredType.NUMBER: 'number'>
    >>> parse({"items": {"sky": "color"}})
    Traceback (most recent call last):
    transforms.rules.declared.DeclarationError: expected one of number, category, text, json, got "color" at items.sky
    """
    if not isinstance(document, dict):
        raise DeclarationError(f"expected an object with groups ({', '.join(GROUPS)}), got {shown(document)}")
    declared: dict[Group, dict[str, DeclaredField]] = {}
    named: dict[Group, str] = {}
    for name, fields in document.items():
        if name not in _NAMES:
            raise DeclarationError(f"expected one of {', '.join(_NAMES)}, got {shown(name)}")
        group = _NAMES[name]
        if group in named:
            raise DeclarationError(f"expected the fields of {group} once, got them as {named[group]} and as {name}")
        named[group] = name
        if fields is None and name in _API_NAMES:
            continue
        if not isinstance(fields, dict):
            raise _unexpected("an object with fields", fields, at=name)
        declared[group] = {key: _field(key, given, at=f"{name}.{key}") for key, given in fields.items()}
    return declared


def document(declared: Declared) -> DeclaredJson:
    """The canonical document of a declaration, with groups in their order and fields by key, for `parse`."""
    return {
        group: {key: field_document(field) for key, field in sorted(declared[group].items())}
        for group in GROUPS
        if group in declared
    }


def field_document(field: DeclaredField) -> DeclaredFieldJson:
    """The declaration of a field as in `schema.json`.

    >>> field_document(DeclaredField(DeclaredType.CATEGORY, ("sun", "rain")))
    {'type': 'category', 'choices': ['sun', 'rain'], 'description': None}
    """
    return {
        "type": field.type.value,
        "choices": None if field.choices is None else list(field.choices),
        "description": field.description,
    }


def updated(before: Declared, given: Declared) -> dict[Group, dict[str, DeclaredField]]:
    """The declaration of the next version: a given group replaces the previous one, an empty group drops it (D1).

    >>> speed = DeclaredField(DeclaredType.NUMBER)
    >>> sorted(updated({"items": {"speed": speed}, "scenes": {"speed": speed}}, {"items": {}}))
    ['scenes']
    """
    after = {**before, **given}
    return {group: dict(after[group]) for group in GROUPS if after.get(group)}


def not_a_choice(field: DeclaredField, value: JsonValue, key: str) -> Fault | None:
    """The fault of a string, or of a boolean as the string it is cast to, that is not among the choices (D2).

    Null is no value, and a value of another kind is a conflict: neither is a fault here.

    >>> not_a_choice(DeclaredField(DeclaredType.CATEGORY, ("sun", "rain")), "hail", "weather").message
    'expected one of "sun", "rain", got "hail" at metadata.weather'
    """
    if field.choices is None:
        return None
    match value:
        case bool():
            text = "true" if value else "false"
        case str():
            text = value
        case _:
            return None
    if text in field.choices:
        return None
    some = ", ".join(shown(choice) for choice in field.choices[:SHOWN_CHOICES])
    more = len(field.choices) - SHOWN_CHOICES
    what = f"one of {some}" if more <= 0 else f"one of {some} and {more} more"
    return expected(Code.NOT_A_CHOICE, what, value, at=f"metadata.{key}")


def _field(key: str, given: JsonValue, *, at: str) -> DeclaredField:
    if key in RESERVED:
        raise DeclarationError(f"expected a field, got the reserved key {key} at {at}")
    if isinstance(given, str):
        return DeclaredField(_type(key, given, at=at))
    if not isinstance(given, dict):
        raise _unexpected("a type or an object", given, at=at)
    for member in given:
        if member not in _MEMBERS:
            raise _unexpected(f"one of {', '.join(_MEMBERS)}", member, at=at)
    if "type" not in given:
        raise DeclarationError(f"expected one of {', '.join(_type_names(key))}, got nothing at {at}.type")
    of = _type(key, given["type"], at=f"{at}.type")
    description = given.get("description")
    if description is not None and not isinstance(description, str):
        raise _unexpected("a string", description, at=f"{at}.description")
    return DeclaredField(of, _choices(of, given.get("choices"), at=f"{at}.choices"), description)


def _type(key: str, given: JsonValue, *, at: str) -> DeclaredType:
    of = _TYPES.get(given) if isinstance(given, str) else None
    if of is DeclaredType.GEOGRAPHIC and key not in coordinates.KEYS:
        keys = ", ".join(key for pair in coordinates.PAIRS for key in pair)
        raise _unexpected(f"one of {', '.join(_type_names(key))} (geographic is for {keys})", given, at=at)
    if of is None:
        raise _unexpected(f"one of {', '.join(_type_names(key))}", given, at=at)
    return of


def _type_names(key: str) -> Iterator[str]:
    """The allowed types of the field, under their API names if they have two."""
    return (each.value for each in DeclaredType if each is not DeclaredType.GEOGRAPHIC or key in coordinates.KEYS)


def _choices(of: DeclaredType, given: JsonValue, *, at: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if of is not DeclaredType.CATEGORY:
        raise _unexpected(f"no choices for the type {of.value}", given, at=at)
    if not isinstance(given, list) or not given:
        raise _unexpected("a list of at least one string", given, at=at)
    choices: list[str] = []
    seen: set[str] = set()
    for place, choice in enumerate(given):
        if not isinstance(choice, str):
            raise _unexpected("a string", choice, at=f"{at}[{place}]")
        if choice in seen:
            raise _unexpected("each choice once", choice, at=f"{at}[{place}]")
        seen.add(choice)
        choices.append(choice)
    return tuple(choices)


def _unexpected(what: str, got: JsonValue, *, at: str) -> DeclarationError:
    return DeclarationError(f"expected {what}, got {shown(got)} at {at}")
