import struct
import zlib

import pytest

from demo.chart import AXIS, BARS, HEIGHT, PAPER, WIDTH, bar_chart


def decode(png: bytes) -> list[bytes]:
    """Read the pixels of a PNG, checking each chunk, and return its rows."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    rest = png[8:]
    while rest:
        length, kind = struct.unpack(">I4s", rest[:8])
        data = rest[8 : 8 + length]
        (checksum,) = struct.unpack(">I", rest[8 + length : 12 + length])
        assert checksum == zlib.crc32(kind + data)
        chunks[kind] = data
        rest = rest[12 + length :]
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colours, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (width, height, depth, colours) == (WIDTH, HEIGHT, 8, 2)
    pixels = zlib.decompress(chunks[b"IDAT"])
    stride = 1 + 3 * width
    rows = [pixels[at : at + stride] for at in range(0, len(pixels), stride)]
    assert {row[0] for row in rows} == {0}
    return [row[1:] for row in rows]


def count(rows: list[bytes], colour: tuple[int, int, int]) -> int:
    ink = bytes(colour)
    return sum(row[at : at + 3] == ink for row in rows for at in range(0, len(row), 3))


def test_a_chart_is_a_valid_png_with_a_bar_for_each_value() -> None:
    rows = decode(bar_chart([3, 1, 2]))
    bars = [count(rows, colour) for colour in BARS[:3]]
    assert bars[0] > bars[2] > bars[1] > 0
    assert count(rows, BARS[3]) == 0
    assert count(rows, AXIS) > 0
    assert count(rows, PAPER) > sum(bars)


def test_a_negative_value_hangs_below_the_axis() -> None:
    rows = decode(bar_chart([4, -4]))
    axis = next(y for y, row in enumerate(rows) if bytes(AXIS) in row)
    assert count(rows[:axis], BARS[1]) == 0
    assert count(rows[axis:], BARS[1]) > 0
    assert count(rows[:axis], BARS[0]) > 0


@pytest.mark.parametrize("values", [[0], [0.0, 0.0], [1e300], [1] * 40, [-1e-9]])
def test_odd_values_are_drawn_too(values: list[float]) -> None:
    assert len(decode(bar_chart(values))) == HEIGHT
