"""Durations and amounts in words."""

KIB = 1024
_UNITS = ("B", "KiB", "MiB", "GiB")


def duration(milliseconds: int) -> str:
    """Write a duration in seconds, as exactly as people read it."""
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"


def size(count_bytes: int) -> str:
    """Write an amount of bytes in the largest unit that fits."""
    amount, unit = float(count_bytes), 0
    while amount >= KIB and unit < len(_UNITS) - 1:
        amount, unit = amount / KIB, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{count_bytes} B"
