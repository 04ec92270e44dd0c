"""Finds how large a value of an Avro type is at the least, before one is decoded (RULES R8)."""

from dataclasses import dataclass
from typing import Final

from transforms.avro.types import Array, AvroType, Enum, Fixed, Map, Primitive, Record, SchemaError, Union
from transforms.rules.limits import MAX_RECORD_VALUES

_EXACT_BYTES: Final[dict[str, int]] = {"null": 0, "boolean": 1, "float": 4, "double": 8}


@dataclass(frozen=True, slots=True)
class Size:
    """Lower bound of the size of a value; the contents of arrays, maps and records inside unions are not counted.

    Attributes:
        encoded: Bytes of its encoding.
        values: Values in it, itself included.
        text: Bytes of its JSON text.
        is_exact: Whether each has just so many encoded bytes.
    """

    encoded: int
    values: int
    text: int
    is_exact: bool = False


class Sizes:
    """The sizes of types, each found once."""

    def __init__(self) -> None:
        self._found: dict[int, Size | None] = {}

    def of(self, avro_type: AvroType) -> Size:
        """The lower bound of the size of a value.

        Raises:
            SchemaError: No value of the type ends, or each has more than MAX_RECORD_VALUES values.
        """
        key = id(avro_type)
        if key in self._found:
            found = self._found[key]
            if found is None:
                raise SchemaError("a schema with a record that holds itself without end")
            return found
        self._found[key] = None
        size = self._size(avro_type)
        if size.values > MAX_RECORD_VALUES:
            raise SchemaError(f"a schema of which one record has more than {MAX_RECORD_VALUES:,} values")
        self._found[key] = size
        return size

    def _size(self, avro_type: AvroType) -> Size:
        match avro_type:
            case Primitive():
                return Size(_EXACT_BYTES.get(avro_type.name, 1), 1, 5, is_exact=avro_type.name in _EXACT_BYTES)
            case Fixed():
                return Size(avro_type.size, 1, 2 + avro_type.size, is_exact=True)
            case Enum():
                longest = max((len(each.encode("utf-8", "surrogatepass")) for each in avro_type.symbols), default=0)
                return Size(1, 1, 2 + longest)
            case Array() | Map():
                return Size(1, 1, 2)
            case Union():
                # A record in it is counted when one is read; only so may a type contain itself.
                others = [self.of(each) for each in avro_type.branches if not isinstance(each, Record)]
                return Size(1, 1, max((each.text for each in others), default=2))
            case Record():
                sizes = [self.of(each) for _, each in avro_type.fields]
                names = sum(len(name.encode("utf-8", "surrogatepass")) + 4 for name, _ in avro_type.fields)
                return Size(
                    sum(each.encoded for each in sizes),
                    1 + sum(each.values for each in sizes),
                    2 + names + sum(each.text for each in sizes),
                    is_exact=all(each.is_exact for each in sizes),
                )
