"""Encodes integers as Avro has them, for the frames of blocks and for arrays."""


def long(value: int) -> bytes:
    """A count or a size as Avro has it: zigzag, seven bits a byte."""
    left, found = value << 1, bytearray()
    while left > 0x7F:  # noqa: PLR2004 - seven bits
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes((*found, left))
