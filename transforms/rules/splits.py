"""Divides a dataset into splits such as train and test, by a hash: a record keeps its split when the dataset grows."""

import hashlib
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

_PREFIX_BYTES = 8
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_EXACT = 1e-9
"""How far from 1 the sum of the shares may be."""


class SplitError(ValueError):
    """Shares that are none; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Splits:
    """Named shares of a dataset.

    Attributes:
        shares: Name and share of each, in order; the shares add up to 1.
    """

    shares: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """The splits that a text names.

        Raises:
            SplitError: The text names none.

        >>> Splits.of("train=0.8,test=0.2").names
        ('train', 'test')
        >>> Splits.of("a=0.3333333,b=0.3333333,c=0.3333333")
        Traceback (most recent call last):
        ...
        transforms.rules.splits.SplitError: expected shares that add up to 1, got 0.9999999
        """
        shares = []
        for each in text.split(","):
            name, equals, number = each.strip().partition("=")
            try:
                share = float(number) if equals else 0.0
            except ValueError:
                share = 0.0
            if not name or set(name) - _NAME or not 0 < share <= 1:
                raise SplitError(f"expected NAME=SHARE, such as train=0.8,test=0.2, got {each!r}")
            shares.append((name, share))
        if len({name.lower() for name, _ in shares}) < len(shares):  # some disks take `Test` and `test` for one folder
            raise SplitError(f"expected each split once, and no two that differ in case alone, got {text!r}")
        if abs((total := sum(share for _, share in shares)) - 1) > _EXACT:
            raise SplitError(f"expected shares that add up to 1, got {total:.12g}")
        return cls(tuple(shares))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the splits, in their order."""
        return tuple(name for name, _ in self.shares)

    def split_of(self, key: str) -> int:
        """The number of the split of a key, which depends on the key and the shares alone.

        >>> splits = Splits.of("train=0.8,test=0.2")
        >>> splits.names[splits.split_of("scene:0")]
        'train'
        """
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        place = int.from_bytes(digest[:_PREFIX_BYTES]) / 2 ** (8 * _PREFIX_BYTES)
        bounds = list(accumulate(share for _, share in self.shares))[:-1]
        return sum(place >= bound for bound in bounds)
