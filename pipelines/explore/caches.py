"""Keeps what was computed of a version in memory, up to a number of bytes, what was used longest ago leaving first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar, cast

_T = TypeVar("_T")
ENTRY_BYTES = 1_024
"""What a value takes beside its size: its key, and the objects around it."""


@dataclass(slots=True, eq=False)
class Cache:
    """Values by key, made once even if several threads ask for one at the same time.

    Attributes:
        limit: Bytes that all values may take; a larger value is not kept.
    """

    limit: int
    _values: OrderedDict[Hashable, tuple[object, int]] = field(default_factory=OrderedDict)
    _making: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, make: Callable[[], _T], size: Callable[[_T], int]) -> _T:
        """The value of a key, made if it is not there.

        Args:
            key: Determines the value and its type.
            make: Makes it; may take long, and may raise.
            size: Its size in bytes.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return cast("_T", self._values[key][0])
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    return cast("_T", self._values[key][0])
            try:
                value = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            self._keep(key, value, size(value) + ENTRY_BYTES)
            return value

    def _keep(self, key: Hashable, value: object, size: int) -> None:
        with self._lock:
            if size > self.limit:
                return
            self._values[key] = value, size
            total = sum(each for _, each in self._values.values())
            while total > self.limit:
                _, (_, removed) = self._values.popitem(last=False)
                total -= removed
