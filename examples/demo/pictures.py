"""Draws flat shapes and short texts on a picture and encodes it as PNG, for the images of the demo."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Color = tuple[int, int, int]
Point = tuple[float, float]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GLYPH_WIDTH, _GLYPH_HEIGHT = 3, 5
_GLYPHS = {
    " ": "000000000000000",
    "0": "111101101101111",
    "1": "010110010010111",
    "2": "111001111100111",
    "3": "111001111001111",
    "4": "101101111001001",
    "5": "111100111001111",
    "6": "111100111101111",
    "7": "111001001001001",
    "8": "111101111101111",
    "9": "111101111001111",
    "A": "010101111101101",
    "C": "011100100100011",
    "D": "110101101101110",
    "E": "111100110100111",
    "F": "111100110100100",
    "G": "011100101101011",
    "H": "101101111101101",
    "I": "111010010010111",
    "L": "100100100100111",
    "M": "101111111101101",
    "N": "110101101101101",
    "O": "010101101101010",
    "P": "110101110100100",
    "R": "110101110101101",
    "S": "011100010001110",
    "T": "111010010010010",
    "U": "101101101101111",
    "W": "101101111111101",
    "Y": "101101010010010",
}
"""Character to its 3 by 5 dots, row by row."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is drawn on; coordinates are pixels from its upper left corner, what lies outside is cut off.

    Attributes:
        pixels: red, green and blue of each pixel; shape (height, width, 3).
    """

    pixels: npt.NDArray[np.uint8]

    @classmethod
    def blank(cls, width: int, height: int, color: Color) -> "Picture":
        """Returns a picture of one color."""
        return cls(np.full((height, width, 3), color, dtype=np.uint8))

    def rectangle(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        """Fills a rectangle with the upper left corner (x, y)."""
        left, right = (max(0, round(edge)) for edge in (x, x + width))
        top, bottom = (max(0, round(edge)) for edge in (y, y + height))
        self.pixels[top:bottom, left:right] = color

    def ellipse(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        """Fills the ellipse that touches the sides of a rectangle."""
        rows, columns = np.ogrid[: self.pixels.shape[0], : self.pixels.shape[1]]
        across = (columns + 0.5 - x - width / 2) / (width / 2)
        down = (rows + 0.5 - y - height / 2) / (height / 2)
        self.pixels[across**2 + down**2 <= 1] = color

    def polygon(self, vertices: Sequence[Point], color: Color) -> None:
        """Fills a polygon: the pixels to the left of which an odd number of its edges lies."""
        rows, columns = np.ogrid[: self.pixels.shape[0], : self.pixels.shape[1]]
        inside = np.zeros(self.pixels.shape[:2], dtype=np.bool_)
        for (x1, y1), (x2, y2) in zip(vertices, [*vertices[1:], vertices[0]], strict=True):
            if y1 != y2:
                crossed = (rows + 0.5 >= min(y1, y2)) & (rows + 0.5 < max(y1, y2))
                inside ^= crossed & (columns + 0.5 > x1 + (rows + 0.5 - y1) * (x2 - x1) / (y2 - y1))
        self.pixels[inside] = color

    def text(self, x: float, y: float, text: str, color: Color, *, size: int = 3) -> None:
        """Writes one line of capitals and digits; `size` is that of a dot in pixels.

        Raises:
            KeyError: a character has no glyph.
        """
        for place, character in enumerate(text):
            left = x + place * (_GLYPH_WIDTH + 1) * size
            for number, dot in enumerate(_GLYPHS[character]):
                row, column = divmod(number, _GLYPH_WIDTH)
                if dot == "1":
                    self.rectangle(left + column * size, y + row * size, size, size, color)

    def png(self) -> bytes:
        """Returns the picture as a PNG file of 8 bits per channel, each row as the difference to the one above."""
        height, width, _ = self.pixels.shape
        rows = self.pixels.reshape(height, width * 3)
        differences = np.diff(rows, axis=0, prepend=np.zeros((1, width * 3), dtype=np.uint8))
        filtered = np.hstack([np.full((height, 1), 2, dtype=np.uint8), differences])
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        data = zlib.compress(filtered.tobytes(), 9)
        return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
