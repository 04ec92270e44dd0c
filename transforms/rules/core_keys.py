"""Core keys of records and the JSON types of their values: one table for the rules and for the checks of columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonValue, Record, as_double

ABSENT = type(None)
"""The type of an absent value: null and a missing key are the same (G4, FORMATS)."""
NUMBER = frozenset({int, float})
"""The types of numbers; a boolean is none."""


@dataclass(frozen=True, slots=True)
class CoreKey:
    """A core key of a record.

    Attributes:
        name: The key.
        types: The types that its value may have; with ABSENT, it may be missing or null.
        what: What is expected, as an error message has it.
        elements: The types that the elements of a list may have; None if any.
    """

    name: str
    types: frozenset[type]
    what: str
    elements: frozenset[type] | None = None

    def optional(self) -> "CoreKey":
        """The same key, whose value may be missing or null."""
        return CoreKey(self.name, self.types | {ABSENT}, self.what, self.elements)

    def accepts(self, value: JsonValue) -> bool:
        """Whether the key may have this value; an integer beyond the range of double is no number (V7).

        >>> CoreKey("labels", frozenset({list}), "a list of strings", frozenset({str})).accepts(["a", 1])
        False
        """
        if type(value) not in self.types:
            return False
        if isinstance(value, list):
            return self.elements is None or self.elements.issuperset(map(type, value))
        return type(value) is not int or as_double(value) is not None

    def fault(self, value: JsonValue, *, within: str = "") -> Fault:
        """The fault of a value that the key does not accept; `within` starts its path."""
        return expected(Code.INVALID_FIELD, self.what, value, at=f"{within}{self.name}")


def text(name: str) -> CoreKey:
    """A key that has a string."""
    return CoreKey(name, frozenset({str}), "a string")


def faults(record: Record, keys: Iterable[CoreKey], *, within: str = "") -> Iterator[Fault]:
    """The faults of the values under some keys of an object, in the order of the keys; `within` starts each path."""
    for key in keys:
        value = record.get(key.name)
        if not key.accepts(value):
            yield key.fault(value, within=within)
