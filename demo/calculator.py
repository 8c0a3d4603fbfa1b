"""Arithmetic on text, without running it as a program."""

import ast
import math
import operator
from collections.abc import Callable

Number = int | float

LONGEST_EXPRESSION = 200  # characters
# 2 ** 1024 is where a float ends; beyond it a whole number only costs time.
LARGEST_BITS = 1024

OPERATORS: dict[type[ast.operator], tuple[str, Callable[[Number, Number], Number]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
}
SIGNS: dict[type[ast.unaryop], Callable[[Number], Number]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


class NotArithmetic(ValueError):
    """The text is not a calculation; the message says why, for a person."""


def calculate(expression: str) -> Number:
    """Work out numbers, + - * / // % **, and parentheses.

    Raises:
        NotArithmetic: anything else, a division by zero, or too large a number.
    """
    text = expression.strip().replace("^", "**")
    if len(text) > LONGEST_EXPRESSION:
        raise NotArithmetic(f"Keep it under {LONGEST_EXPRESSION} characters.")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotArithmetic(
            "This is not a calculation, such as 3 * (4 + 5)."
        ) from error
    try:
        result = _value(tree.body)
    except ZeroDivisionError as error:
        raise NotArithmetic("This divides by zero.") from error
    except OverflowError as error:
        raise NotArithmetic("The result is too large.") from error
    if isinstance(result, float) and not math.isfinite(result):
        raise NotArithmetic("The result is too large.")
    return result


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in SIGNS:
            return SIGNS[type(sign)](_value(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _apply(op, _value(left), _value(right))
    raise NotArithmetic("Only numbers, + - * / // % ** and parentheses are understood.")


def _apply(op: ast.operator, left: Number, right: Number) -> Number:
    if isinstance(op, ast.Pow):
        _check_power(left, right)
    result = OPERATORS[type(op)][1](left, right)
    if isinstance(result, complex):
        raise NotArithmetic("The root of a negative number is not a number here.")
    if isinstance(result, int) and result.bit_length() > LARGEST_BITS:
        raise OverflowError
    return result


def _check_power(base: Number, exponent: Number) -> None:
    """Refuse a power before it is computed: 9 ** 9 ** 9 takes minutes."""
    if isinstance(base, int) and isinstance(exponent, int):
        bits = base.bit_length() * abs(exponent)
        if bits > 4 * LARGEST_BITS:
            raise OverflowError
