"""Finds where encoded values end without reading them: those of records that are too large to be read (RULES R8)."""

from transforms.avro.encoded_values import block_count, primitive_end
from transforms.avro.numbers import EncodingError, long
from transforms.avro.sizes import Sizes
from transforms.avro.types import Array, AvroType, Enum, Fixed, Map, Primitive, Record, Union
from transforms.rules.limits import MAX_SKIPPED_VALUES


class Skipper:
    """Finds where values end. It keeps a stack of its own, so that nesting may be of any depth."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._left = MAX_SKIPPED_VALUES

    def skip(self, avro_type: AvroType, data: bytes, at: int) -> int:
        """The place behind a value.

        Raises:
            EncodingError: There is none, or MAX_SKIPPED_VALUES are skipped.
            IndexError: There is none.
        """
        waiting: list[tuple[AvroType, int]] = [(avro_type, 0)]
        while waiting:
            self._left -= 1
            if self._left < 0:
                raise EncodingError(f"more than {MAX_SKIPPED_VALUES:,} values in records that are too large to be read")
            at = self._step(waiting, data, at)
            if at > len(data):
                raise EncodingError("a record that goes on behind the end of its block")
        return at

    def _step(self, waiting: list[tuple[AvroType, int]], data: bytes, at: int) -> int:  # noqa: C901 - a case for each
        """Pass one value, or the first part of it; beside each stand the fields done, or the items left."""
        current, number = waiting.pop()
        match current:
            case Primitive():
                return primitive_end(current.name, data, at)
            case Enum():
                return long(data, at)[1]
            case Fixed():
                return at + current.size
            case Record():
                if number < len(current.fields):
                    waiting += (current, number + 1), (current.fields[number][1], 0)
            case Union():
                branch, at = long(data, at)
                if not 0 <= branch < len(current.branches):
                    raise EncodingError(f"the type number {branch} of a union of {len(current.branches)}")
                waiting.append((current.branches[branch], 0))
            case Array() | Map():
                if number == 0:
                    number, at = block_count(data, at)
                    if number == 0:
                        return at
                    if isinstance(current, Array) and (size := self._sizes.of(current.items)).is_exact:
                        waiting.append((current, 0))
                        return at + number * size.encoded
                waiting.append((current, number - 1))
                if isinstance(current, Map):
                    at = primitive_end("string", data, at)
                waiting.append((current.values if isinstance(current, Map) else current.items, 0))
        return at
