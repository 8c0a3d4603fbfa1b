import pytest

from demo.calculator import LONGEST_EXPRESSION, NotArithmetic, calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2", 3),
        ("3 * (4 + 5)", 27),
        ("-2 ** 2", -4),
        ("2^10", 1024),
        ("7 // 2 + 7 % 4", 6),
        (" 1e3 / 4 ", 250),
        ("+.5", 0.5),
        ("2 ** -1", 0.5),
        ("9 ** 0.5", 3),
    ],
)
def test_it_works_out_arithmetic(expression: str, value: float) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "two",
        "1 +",
        "abs(1)",
        "__import__('os').system('true')",
        "'a' * 3",
        "True + 1",
        "[1][0]",
        "1j ** 2",
        "1 < 2",
        "~1",
        "1 << 2",
        "\0",
        "(" * 190,
        "1" * (LONGEST_EXPRESSION + 1),
    ],
)
def test_anything_else_is_refused(expression: str) -> None:
    with pytest.raises(NotArithmetic):
        calculate(expression)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("1 / 0", "divides by zero"),
        ("1 % 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("9 ** 9 ** 9", "too large"),
        ("9 ** 900 * 9 ** 900", "too large"),
        ("10.0 ** 400", "too large"),
        ("1e308 * 10", "too large"),
        ("(-8) ** 0.5", "root of a negative number"),
    ],
)
def test_it_says_why_there_is_no_number(expression: str, says: str) -> None:
    with pytest.raises(NotArithmetic, match=says):
        calculate(expression)


def test_long_chains_end() -> None:
    assert calculate("-" * 100 + "1") == 1
    assert calculate("+".join("1" * 100)) == 100
