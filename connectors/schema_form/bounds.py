"""The range of a number, exactly."""

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from connectors.schema_form.json_text import MAX_BITS
from connectors.schema_form.merging import Keywords
from connectors.schema_form.shapes import Shape

# More digits than that say nothing to a person.
MAX_CHARS = 40
_EXACT = Context(prec=MAX_CHARS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """`low` and `high` are allowed themselves unless they are open."""

    low: Fraction | None
    high: Fraction | None
    is_low_open: bool
    is_high_open: bool
    # Every value is a multiple of it.
    step: Fraction | None

    @classmethod
    def of(cls, shape: Shape) -> "Bounds":
        """Read the bounds of a number or of an integer."""
        words = shape.keywords
        low, is_low_open = _end(words, "minimum", "exclusiveMinimum", sign=1)
        high, is_high_open = _end(words, "maximum", "exclusiveMaximum", sign=-1)
        step = _exact(words.get("multipleOf"))
        if step is not None and step <= 0:
            step = None
        if shape.kind == "integer":
            # The whole numbers among the multiples of p/q are those of p.
            step = Fraction(step.numerator if step else 1)
        return cls(
            low=low,
            high=high,
            is_low_open=is_low_open,
            is_high_open=is_high_open,
            step=step,
        )

    @property
    def first(self) -> Fraction | None:
        """The lowest multiple of the step that is not below the range."""
        if self.low is None or self.step is None:
            return self.low
        first = math.ceil(self.low / self.step) * self.step
        return first + self.step if self.is_low_open and first == self.low else first

    @property
    def last(self) -> Fraction | None:
        """The highest multiple of the step that is not above the range."""
        if self.high is None or self.step is None:
            return self.high
        last = math.floor(self.high / self.step) * self.step
        return last - self.step if self.is_high_open and last == self.high else last

    def allow(self, value: float | Fraction) -> bool:
        """Tell whether `value` is in the range and a multiple of the step."""
        number = value if isinstance(value, Fraction) else _exact(value)
        if number is None or (self.step is not None and number % self.step):
            return False
        low, high = self.low, self.high
        is_below = low is not None and (
            number < low or (self.is_low_open and number == low)
        )
        is_above = high is not None and (
            number > high or (self.is_high_open and number == high)
        )
        return not (is_below or is_above)


def written(value: Fraction | None) -> str:
    """Write a number in digits; "" if that takes too many."""
    if value is None or max(abs(value.numerator), value.denominator) > 10**MAX_CHARS:
        return ""
    number = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    text = f"{number:f}"
    return text if len(text) <= MAX_CHARS else ""


def _end(
    words: Keywords, closed: str, opened: str, *, sign: int
) -> tuple[Fraction | None, bool]:
    """Return one end of the range, and whether it is itself outside."""
    inside, outside = _exact(words.get(closed)), _exact(words.get(opened))
    if words.get(opened) is True:
        # How draft 4 wrote it.
        return inside, inside is not None
    if outside is None or (inside is not None and (inside - outside) * sign > 0):
        return inside, False
    return outside, True


def _exact(value: Any) -> Fraction | None:
    """Return what a JSON number says: its digits, where it has a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        return Fraction(repr(value)) if math.isfinite(value) else None
    whole = int(value)
    return Fraction(whole) if whole.bit_length() <= MAX_BITS else None
