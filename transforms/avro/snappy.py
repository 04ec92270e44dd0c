"""How blocks of an Avro part are compressed: with snappy, and so that one word in all rows can be exchanged afterwards.

In the list of cache keys every `upload` of a version is `cached` in the next one. To compress its blocks again for that
would be a quarter of a small update. So a block in which all rows end with the one word is compressed as the one with
the other would be, and the word is exchanged in what comes out: snappy writes it a few times and then refers to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from transforms.avro.blocks import Block, RowType

CODEC = "snappy"
Compress: TypeAlias = Callable[[Block], bytes]
_SNAPPY = pa.Codec(CODEC)
_MOST_LENGTH = 64  # of a word: its length is one byte in front of it


@dataclass(frozen=True, slots=True)
class Word:
    """A text in the last field of rows that becomes another text, as long as it; these rows have no other text there.

    Attributes:
        was: The encoding of what it is at first, with the branch of the union and the length.
        now: That of what it becomes.
    """

    was: bytes
    now: bytes

    @classmethod
    def of(cls, was: str, now: str) -> "Word":
        """The word of these two texts.

        Raises:
            ValueError: They are not of one length, or too long.
        """
        old, new = was.encode(), now.encode()
        if len(old) != len(new) or len(old) >= _MOST_LENGTH:
            raise ValueError(f"expected two words of one length below {_MOST_LENGTH}, got {was!r} and {now!r}")
        front = bytes((2, 2 * len(old)))
        return cls(front + old, front + new)


def compressing(row_type: RowType, word: Word | None = None) -> Compress:
    """What compresses blocks of rows of a type, in which this word may be exchanged."""
    return compressed if word is None else partial(_compressed, row_type=row_type, word=word)


def compressed(block: Block) -> bytes:
    """What snappy makes of a block."""
    found: bytes = _SNAPPY.compress(block[1], asbytes=True)
    return found


def _compressed(block: Block, row_type: RowType, word: Word) -> bytes:
    count, rows = block
    if rows.endswith(word.now):
        before, exchanged = with_other_ends(block, row_type, word.now, word.was)
        if exchanged == count:
            found = compressed((count, before)).replace(word.was, word.now)
            if _becomes(found, rows):
                return found
    return compressed(block)


def _becomes(payload: bytes, rows: bytes) -> bool:
    try:
        return uncompressed(payload, len(rows)) == rows
    except ValueError:  # by chance the word was somewhere else too
        return False


def with_other_ends(block: Block, row_type: RowType, end: bytes, other: bytes) -> tuple[bytes, int]:
    """The rows of a block with another end in place of this one, which is as long, and how many had it."""
    count, data = block
    rows = np.frombuffer(data, np.uint8).copy()
    starts = row_type.row_starts(data, count)
    ends = starts[1:][np.diff(starts) >= len(end)]
    places = ends[:, None] + np.arange(-len(end), 0)
    places = places[(rows[places] == np.frombuffer(end, np.uint8)).all(axis=1)]
    rows[places] = np.frombuffer(other, np.uint8)
    return rows.tobytes(), len(places)


def uncompressed(payload: bytes | memoryview, size: int) -> bytes:
    """The rows of a block, given what snappy made of them and how many bytes they are.

    Raises:
        ValueError: It made no such thing.
    """
    try:
        found: bytes = _SNAPPY.decompress(payload, size, asbytes=True)
    except OSError as error:
        raise ValueError(f"expected what snappy made of {size} bytes, got {len(payload)} others") from error
    return found
