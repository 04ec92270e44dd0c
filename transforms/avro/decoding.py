"""Avro bytes to Python values, in bounded memory and time whatever the bytes say (RULES R6, R8).

The type is made into functions once, one for each of its parts. A library is not used here: none has limits, so that a
list of a trillion nulls never ends, and deep data end the process.
"""

import struct
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from transforms.avro import logical_types
from transforms.avro.encoded_values import PRIMITIVES, Reader, block_count, string
from transforms.avro.logical_types import NoJsonFormError
from transforms.avro.numbers import MORE, EncodingError, long
from transforms.avro.sizes import Size, Sizes
from transforms.avro.skipping import Skipper
from transforms.avro.types import Array, AvroType, Enum, Fixed, Map, Primitive, Record, Union
from transforms.rules import limits
from transforms.rules.limits import MAX_RECORD_DEPTH, MAX_RECORD_VALUES, MAX_SCHEMA_DEPTH, MIB


class Refused(Exception):  # noqa: N818 - what becomes of the record
    """A sound record that is rejected: what was expected, what was found, and where in the record.

    Attributes:
        wanted, got: For the message.
        path: Names of fields, outermost first.
        is_large: Whether the record is beyond a limit of size or depth; if not, one value of it has no form in JSON.
    """

    def __init__(self, wanted: str, got: str, *, is_large: bool) -> None:
        super().__init__(wanted, got)
        self.wanted, self.got, self.is_large = wanted, got, is_large
        self.path: list[str] = []


class Decoder:
    """Reads and skips values of one type.

    Attributes:
        type: Their type.
        size: The lower bound of the size of a value.
        warnings: The warnings of the last value that was read, each once.
    """

    def __init__(self, avro_type: AvroType) -> None:
        """Makes the functions.

        Raises:
            SchemaError: As `Sizes.of`.
        """
        self.type = avro_type
        self._sizes = Sizes()
        self._skipper = Skipper(self._sizes)
        self._readers: dict[int, Reader] = {}
        self.size = self._sizes.of(avro_type)
        self.warnings: Counter[str] = Counter()
        self._most_values = MAX_RECORD_VALUES - self.size.values
        self._most_text = limits.MAX_LINE_BYTES - self.size.text
        self._values = self._text = self._depth = 0
        self._as_numbers = False
        self._read = self._reader(avro_type)

    def read(self, data: bytes, at: int, *, as_numbers: bool = False) -> tuple[Any, int]:
        """The value at a place, and the place behind it.

        With `as_numbers`, values that have no form in JSON are those of the underlying type: numbers or bytes.

        Raises:
            EncodingError: There is no value of the type.
            Refused: There may be one; `skip` knows where it ends.
        """
        self._values, self._text = self._most_values, self._most_text
        self._depth = 0
        self._as_numbers = as_numbers
        if self.warnings:
            self.warnings.clear()
        try:
            return self._read(data, at)
        except (IndexError, struct.error):
            raise EncodingError("a record that goes on behind the end of its block") from None
        except RecursionError:
            raise _too_deep() from None

    def skip(self, data: bytes, at: int) -> int:
        """The place behind the value at a place.

        Raises:
            EncodingError: There is no value of the type.
        """
        try:
            return self._skipper.skip(self.type, data, at)
        except IndexError:
            raise EncodingError("a record that goes on behind the end of its block") from None

    def _warn(self, code: str) -> None:
        self.warnings[code] = 1

    def _charge(self, values: int, text: int) -> None:
        """Counts the values and text of a record beyond the lower bound of its type."""
        self._values -= values
        self._text -= text
        if self._values < 0:
            raise Refused(f"a record of at most {MAX_RECORD_VALUES:,} values", "more", is_large=True)
        if self._text < 0:
            most = limits.MAX_LINE_BYTES // MIB
            raise Refused(f"a record of at most {most} MiB of JSON text", "more", is_large=True)

    def _reader(self, avro_type: AvroType) -> Reader:
        key = id(avro_type)
        if key not in self._readers:
            if isinstance(avro_type, Record):
                # Known by its name inside itself, before its own function is.
                self._readers[key] = lambda data, at: self._readers[key](data, at)  # noqa: PLW0108 - the later one
            self._readers[key] = self._made(avro_type)
        return self._readers[key]

    def _made(self, avro_type: AvroType) -> Reader:  # noqa: PLR0911 - one for each kind of type
        match avro_type:
            case Primitive():
                return self._primitive(avro_type)
            case Fixed():
                return self._fixed(avro_type)
            case Enum():
                return _enum(avro_type.symbols)
            case Array():
                return self._array(avro_type)
            case Map():
                return self._map(avro_type)
            case Union():
                return self._union(avro_type)
            case Record():
                return self._record(avro_type)

    def _primitive(self, avro_type: Primitive) -> Reader:
        underlying = PRIMITIVES[avro_type.name]
        if avro_type.logical is None:
            return underlying
        if avro_type.logical == "decimal":
            return self._decimal(underlying, avro_type.scale)
        convert, warn = _LOGICAL[avro_type.logical], self._warn

        def read(data: bytes, at: int) -> tuple[object, int]:
            value, end = underlying(data, at)
            try:
                return convert(value, warn), end
            except NoJsonFormError as error:
                if self._as_numbers:
                    return value, end
                raise Refused(error.wanted, error.got, is_large=False) from None

        return read

    def _decimal(self, underlying: Reader, scale: int) -> Reader:
        def read(data: bytes, at: int) -> tuple[object, int]:
            value, end = underlying(data, at)
            try:
                return logical_types.decimal(value, scale), end
            except NoJsonFormError as error:
                if self._as_numbers:
                    return value, end
                raise Refused(error.wanted, error.got, is_large=False) from None

        return read

    def _fixed(self, avro_type: Fixed) -> Reader:
        size = avro_type.size

        def read(data: bytes, at: int) -> tuple[bytes, int]:
            end = at + size
            if end > len(data):
                raise EncodingError(f"a value of {size:,} bytes where {len(data) - at:,} are left")
            return data[at:end], end

        return read if avro_type.logical is None else self._decimal(read, avro_type.scale)

    def _record(self, avro_type: Record) -> Reader:
        fields = [(name, self._reader(each)) for name, each in avro_type.fields]

        def read(data: bytes, at: int) -> tuple[dict[str, Any], int]:
            record = {}
            name = ""
            try:
                for name, reader in fields:
                    record[name], at = reader(data, at)
            except Refused as refused:
                refused.path.insert(0, name)
                raise
            return record, at

        if not avro_type.is_recursive:
            return read

        def read_deeper(data: bytes, at: int) -> tuple[dict[str, Any], int]:
            self._depth += 1
            if self._depth > MAX_RECORD_DEPTH:
                raise _too_deep()
            value = read(data, at)
            self._depth -= 1
            return value

        return read_deeper

    def _union(self, avro_type: Union) -> Reader:
        branches: list[Reader] = [
            self._counted(each) if isinstance(each, Record) else self._reader(each) for each in avro_type.branches
        ]
        by_byte = {2 * number: reader for number, reader in enumerate(branches[: MORE // 2])}

        def read(data: bytes, at: int) -> tuple[Any, int]:
            reader = by_byte.get(data[at])
            if reader is not None:
                return reader(data, at + 1)
            number, at = long(data, at)
            if not 0 <= number < len(branches):
                raise EncodingError(f"the type number {number} of a union of {len(branches)}")
            return branches[number](data, at)

        return read

    def _counted(self, avro_type: Record) -> Reader:
        """The reader of a record inside a union, which the lower bound of the outer type does not include."""
        reader, sizes = self._reader(avro_type), self._sizes

        def read(data: bytes, at: int) -> tuple[Any, int]:
            size = sizes.of(avro_type)
            self._charge(size.values, size.text)
            return reader(data, at)

        return read

    def _array(self, avro_type: Array) -> Reader:
        item, sizes = self._reader(avro_type.items), self._sizes
        size: Size | None = None  # found with the first list: a type may hold itself

        def read(data: bytes, at: int) -> tuple[list[Any], int]:
            nonlocal size
            items: list[Any] = []
            while True:
                count, at = block_count(data, at)
                if count == 0:
                    return items, at
                size = size or sizes.of(avro_type.items)
                if count * size.encoded > len(data) - at:
                    raise EncodingError(f"a list of {count:,} items where {len(data) - at:,} bytes are left")
                self._charge(count * size.values, count * (size.text + 1))
                for _ in range(count):
                    value, at = item(data, at)
                    items.append(value)

        return read

    def _map(self, avro_type: Map) -> Reader:
        reader, sizes = self._reader(avro_type.values), self._sizes
        size: Size | None = None

        def read(data: bytes, at: int) -> tuple[dict[str, Any], int]:
            nonlocal size
            values: dict[str, Any] = {}
            while True:
                count, at = block_count(data, at)
                if count == 0:
                    return values, at
                size = size or sizes.of(avro_type.values)
                if count * (1 + size.encoded) > len(data) - at:
                    raise EncodingError(f"a map of {count:,} values where {len(data) - at:,} bytes are left")
                self._charge(count * size.values, count * (size.text + 4))
                key = ""
                try:
                    for _ in range(count):
                        key, at = string(data, at)
                        values[key], at = reader(data, at)
                except Refused as refused:
                    refused.path.insert(0, key)
                    raise

        return read


def _too_deep() -> Refused:
    wanted = f"records of at most {MAX_RECORD_DEPTH} levels, each of at most {MAX_SCHEMA_DEPTH} types"
    return Refused(wanted, "deeper ones", is_large=True)


_LOGICAL: Final[Mapping[str, Callable[[Any, logical_types.Warn], object]]] = {
    "date": logical_types.days,
    "time-millis": logical_types.time_millis,
    "time-micros": logical_types.time_micros,
    "timestamp-millis": logical_types.millis,
    "timestamp-micros": logical_types.micros,
    "local-timestamp-millis": logical_types.local_millis,
    "local-timestamp-micros": logical_types.local_micros,
    "uuid": logical_types.uuid_text,
}


def _enum(symbols: list[str]) -> Reader:
    def read(data: bytes, at: int) -> tuple[str, int]:
        number, at = long(data, at)
        if not 0 <= number < len(symbols):
            raise EncodingError(f"the symbol number {number} of an enum of {len(symbols)}")
        return symbols[number], at

    return read
