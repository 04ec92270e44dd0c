"""Reads the JSON texts of context attachments of many rows as one long table, for checks and for what is published.

`msgspec` decodes them into objects of a few slots each, and checks types and ranges in the same step.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.batch.metadata_columns import json_text
from transforms.rules.values import LONG_MAXIMUM, JsonValue

_SLAB = 256
"""So many texts are decoded at once: where one of them cannot be, each is decoded alone."""
_Positive = Annotated[float, Meta(gt=0)]
_T = TypeVar("_T")


class Size(Struct, frozen=True, gc=False):
    """Width and height in pixels."""

    width: _Positive
    height: _Positive


class Place(Struct, frozen=True, gc=False):
    """A place in space."""

    x: float
    y: float
    z: float


class _Members(Struct, frozen=True, gc=False):
    """An object with whatever members."""


class _Known(Struct, frozen=True, gc=False):
    """The keys of attachments, apart from their metadata, as `transforms.rules.attachments` accepts them (A1)."""

    attachment: Annotated[str, Meta(min_length=1)]
    frame: Annotated[int, Meta(ge=0, le=LONG_MAXIMUM)] | None = None
    dims: Size | None = None
    camera_position: Place | None = None


class Checked(_Known, frozen=True, gc=False):
    """An attachment of which only the URL is left to check."""

    metadata: _Members | None = None


class StoredAttachment(_Known, frozen=True, gc=False):
    """An attachment that was checked when its record was read: `metadata` is JSON, empty where there is none."""

    metadata: Raw = Raw()


_CHECKED, _CHECKED_LISTS = msgspec.json.Decoder(list[Checked]), msgspec.json.Decoder(list[list[Checked]])
_STORED, _STORED_LISTS = (
    msgspec.json.Decoder(list[StoredAttachment]),
    msgspec.json.Decoder(list[list[StoredAttachment]]),
)


def checked(texts: Sequence[str]) -> list[list[Checked]]:
    """The attachments of each text; an empty list where it has some that the rule does not accept."""

    def one(text: str) -> list[Checked]:
        try:
            return _CHECKED.decode(text)
        except (msgspec.DecodeError, RecursionError):  # or they are nested deeper than it reads
            return []

    return list(_decoded(texts, _CHECKED_LISTS.decode, one))


def stored(texts: Sequence[str]) -> list[list[StoredAttachment]]:
    """The attachments of each text in a state file, which is canonical JSON, as is the metadata within it."""

    def one(text: str) -> list[StoredAttachment]:
        try:
            return _STORED.decode(text)
        except RecursionError:
            value = exact_json(text)
            return list(map(_stored, value if isinstance(value, list) else []))

    return list(_decoded(texts, _STORED_LISTS.decode, one))


def _stored(value: JsonValue) -> StoredAttachment:
    """An attachment whose metadata is nested deeper than the decoder reads."""
    if not isinstance(value, dict):
        raise TypeError(f"expected a checked attachment, got {type(value).__name__}")
    metadata = value.get("metadata")
    others = msgspec.convert({key: each for key, each in value.items() if key != "metadata"}, StoredAttachment)
    return msgspec.structs.replace(others, metadata=Raw(json_text(metadata)))


def _decoded(texts: Sequence[str], many: Callable[[str], list[_T]], one: Callable[[str], _T]) -> Iterator[_T]:
    for start in range(0, len(texts), _SLAB):
        slab = texts[start : start + _SLAB]
        try:
            yield from many(f"[{','.join(slab)}]")
        except (msgspec.DecodeError, RecursionError):
            yield from map(one, slab)
