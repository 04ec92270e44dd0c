"""The schema of an Avro file as types, checked before anything is decoded by it (RULES R8).

A schema comes from strangers: its text, its depth, and how much one record of it is at the least are limited. Logical
types that are not valid are ignored, as the specification says: the value is that of the underlying type.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from transforms.rules.limits import MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, MIB

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_NAMED: Final = frozenset({"record", "error", "enum", "fixed"})
_VALID_ON: Final[dict[str, frozenset[str]]] = {
    "date": frozenset({"int"}),
    "time-millis": frozenset({"int"}),
    "time-micros": frozenset({"long"}),
    "timestamp-millis": frozenset({"long"}),
    "timestamp-micros": frozenset({"long"}),
    "local-timestamp-millis": frozenset({"long"}),
    "local-timestamp-micros": frozenset({"long"}),
    "decimal": frozenset({"bytes", "fixed"}),
    "uuid": frozenset({"string"}),
}
"""The logical types that are decoded, and what they may stand on; any other is the value of the underlying type."""


class SchemaError(ValueError):
    """A schema that is none, or beyond a limit; `str()` says which."""


@dataclass(slots=True)
class Primitive:
    """A type without parts: one of PRIMITIVES."""

    name: str
    logical: str | None = None
    scale: int = 0


@dataclass(slots=True)
class Fixed:
    """So many bytes."""

    size: int
    logical: str | None = None
    scale: int = 0


@dataclass(slots=True)
class Enum:
    """One of some symbols."""

    symbols: list[str]


@dataclass(slots=True, eq=False)
class Record:
    """Named fields; `is_recursive` where a value of the type may hold another one.

    Of several records that hold each other at least one is marked.
    """

    fields: list[tuple[str, "AvroType"]] = field(default_factory=list)
    is_recursive: bool = False
    is_open: bool = True  # while its fields are not all known


@dataclass(slots=True)
class Array:
    """Any number of items."""

    items: "AvroType"


@dataclass(slots=True)
class Map:
    """Any number of values, each under a text."""

    values: "AvroType"


@dataclass(slots=True)
class Union:
    """One of some types."""

    branches: list["AvroType"]


AvroType: TypeAlias = Primitive | Fixed | Enum | Record | Array | Map | Union


def parse_schema(text: bytes) -> AvroType:
    """The type that a schema describes.

    Raises:
        SchemaError: It is no schema, or beyond MAX_SCHEMA_BYTES or MAX_SCHEMA_DEPTH.
    """
    if len(text) > MAX_SCHEMA_BYTES:
        raise SchemaError(f"a schema of {len(text):,} bytes, of which at most {MAX_SCHEMA_BYTES // MIB} MiB are read")
    try:
        described = json.loads(text)
        json.dumps(described, ensure_ascii=False).encode()  # a lone surrogate is no name of a field
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise SchemaError(f"a schema that is no JSON ({error})") from error
    return _Parser().type_of(described, "", 0)


def _too_deep() -> SchemaError:
    return SchemaError(f"a schema of more than {MAX_SCHEMA_DEPTH} types inside each other")


class _Parser:
    def __init__(self) -> None:
        self._named_types: dict[str, AvroType] = {}
        self._depths: dict[int, int] = {}
        """Of types that are complete: how many types are inside each other in them."""

    def type_of(self, schema: object, namespace: str, outside: int) -> AvroType:
        """The type of a schema inside so many others."""
        if outside > MAX_SCHEMA_DEPTH:
            raise _too_deep()
        found = self._type_of(schema, namespace, outside + 1)
        if id(found) not in self._depths:
            # A chain of names may be deeper than the text.
            depth = 1 + max((self._depths.get(id(each), 0) for each in parts(found)), default=0)
            if depth > MAX_SCHEMA_DEPTH:
                raise _too_deep()
            if not (isinstance(found, Record) and found.is_open):
                self._depths[id(found)] = depth
        return found

    def _type_of(self, schema: object, namespace: str, depth: int) -> AvroType:  # noqa: PLR0911 - one for each form
        if isinstance(schema, str):
            return self._by_name(schema, namespace)
        if isinstance(schema, list):
            return Union([self.type_of(each, namespace, depth) for each in schema])
        if not isinstance(schema, dict) or "type" not in schema:
            raise SchemaError(f"a schema with a type that is none: {_shown(schema)}")
        kind = schema["type"]
        if not isinstance(kind, str):
            return self.type_of(kind, namespace, depth)
        if kind in _NAMED:
            return self._named(kind, schema, namespace, depth)
        if kind == "array":
            return Array(self.type_of(schema.get("items"), namespace, depth))
        if kind == "map":
            return Map(self.type_of(schema.get("values"), namespace, depth))
        if kind in PRIMITIVES:
            return Primitive(kind, *_logical(schema, kind))
        return self._by_name(kind, namespace)

    def _by_name(self, name: str, namespace: str) -> AvroType:
        if name in PRIMITIVES:
            return Primitive(name)
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        found = self._named_types.get(full) or self._named_types.get(name)
        if found is None:
            raise SchemaError(f"a schema with an unknown type: {_shown(name)}")
        if isinstance(found, Record) and found.is_open:
            found.is_recursive = True
        return found

    def _named(self, kind: str, schema: Mapping[str, object], namespace: str, depth: int) -> AvroType:
        name = schema.get("name")
        if not isinstance(name, str):
            raise SchemaError(f"a schema with a {kind} that has no name: {_shown(schema)}")
        if "." in name:
            namespace, _, name = name.rpartition(".")
        elif isinstance(given := schema.get("namespace"), str):
            namespace = given
        full = f"{namespace}.{name}" if namespace else name
        if full in self._named_types:
            raise SchemaError(f"a schema that defines {_shown(full)} twice")
        if kind == "fixed":
            size = schema.get("size")
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise SchemaError(f"a schema with a fixed type of no size: {_shown(schema)}")
            self._named_types[full] = fixed = Fixed(size, *_logical(schema, kind))
            return fixed
        if kind == "enum":
            symbols = schema.get("symbols")
            if not isinstance(symbols, list) or not all(isinstance(each, str) for each in symbols):
                raise SchemaError(f"a schema with an enum of no symbols: {_shown(schema)}")
            self._named_types[full] = enum = Enum(symbols)
            return enum
        return self._record(schema, full, namespace, depth)

    def _record(self, schema: Mapping[str, object], full: str, namespace: str, depth: int) -> Record:
        self._named_types[full] = record = Record()
        fields = schema.get("fields")
        if not isinstance(fields, list):
            raise SchemaError(f"a schema with a record that has no fields: {_shown(schema)}")
        for each in fields:
            if not isinstance(each, dict) or not isinstance(each.get("name"), str):
                raise SchemaError(f"a schema with a field that has no name: {_shown(each)}")
            record.fields.append((each["name"], self.type_of(each.get("type"), namespace, depth)))
        record.is_open = False
        return record


def _logical(schema: Mapping[str, object], kind: str) -> tuple[str | None, int]:
    """The logical type and, of a decimal, its scale; None where it is not valid or not decoded."""
    logical = schema.get("logicalType")
    if not isinstance(logical, str) or kind not in _VALID_ON.get(logical, ()):
        return None, 0
    if logical != "decimal":
        return logical, 0
    scale, precision = schema.get("scale", 0), schema.get("precision")
    if type(scale) is not int or type(precision) is not int or not scale >= 0 or precision < 1:
        return None, 0
    return logical, scale


def _shown(value: object) -> str:
    """The beginning of a value, for a message."""
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "..."  # noqa: PLR2004 - what a line has room for


def parts(of: AvroType) -> list[AvroType]:
    """The types that a type is made of."""
    match of:
        case Record():
            return [each for _, each in of.fields]
        case Array():
            return [of.items]
        case Map():
            return [of.values]
        case Union():
            return of.branches
        case _:
            return []
