"""A bar chart as a PNG, drawn without any library.

Source: PNG specification, third edition: signature, IHDR, IDAT, IEND; colour
type 2 (RGB), no filter.
"""

import struct
import zlib
from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 640, 360, 24  # pixels
GRID_LINES = 4

type Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
GRID: Colour = (226, 232, 240)
AXIS: Colour = (71, 85, 105)
BARS: tuple[Colour, ...] = ((13, 148, 136), (14, 116, 144), (79, 70, 229), (180, 83, 9))


class Canvas:
    """Rows of RGB pixels."""

    def __init__(self, width: int, height: int, paper: Colour) -> None:
        self.width, self.height = width, height
        self.rows = [bytearray(bytes(paper) * width) for _ in range(height)]

    def fill(self, left: int, top: int, right: int, bottom: int, ink: Colour) -> None:
        """Paint a rectangle; `right` and `bottom` are not part of it."""
        for row in self.rows[max(0, top) : bottom]:
            row[left * 3 : right * 3] = bytes(ink) * (right - left)

    def png(self) -> bytes:
        """Encode the picture."""
        size = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in self.rows), 9)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            _chunk(kind, data)
            for kind, data in ((b"IHDR", size), (b"IDAT", pixels), (b"IEND", b""))
        )


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def bar_chart(values: Sequence[float]) -> bytes:
    """Draw one bar per value, from left to right, on a line for zero."""
    canvas = Canvas(WIDTH, HEIGHT, PAPER)
    top, bottom = max(0.0, *values), min(0.0, *values)
    span = (top - bottom) or 1.0
    plot = HEIGHT - 2 * MARGIN

    def y_of(value: float) -> int:
        return MARGIN + round((top - value) / span * plot)

    for line in range(GRID_LINES + 1):
        y = MARGIN + plot * line // GRID_LINES
        canvas.fill(MARGIN, y, WIDTH - MARGIN, y + 1, GRID)
    slot = (WIDTH - 2 * MARGIN) / len(values)
    for number, value in enumerate(values):
        left = MARGIN + round(slot * (number + 0.15))
        right = max(left + 1, MARGIN + round(slot * (number + 0.85)))
        upper, lower = sorted((y_of(value), y_of(0)))
        canvas.fill(left, upper, right, lower, BARS[number % len(BARS)])
    canvas.fill(MARGIN, y_of(0) - 1, WIDTH - MARGIN, y_of(0) + 1, AXIS)
    return canvas.png()
