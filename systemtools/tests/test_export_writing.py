"""What is written into files: nothing of it runs, or becomes part of the document."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from systemtools.base import ToolError
from systemtools.export import markdown, writing

SIGNS = "=+-@＝＋－＠"


def read(text: str, **how: Any) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), strict=True, **how))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1+1", "'＝1+1"),
        ("  =1", "'  =1"),
        ("\u200b=1", "'\u200b=1"),
        ("\t=1", "'\t'=1"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("x;=1", "x;'=1"),
        ("x\t@A1", "x\t'@A1"),
        ("x\r\n=1", "x\r\n'=1"),
        ("2-1=1, a@b.example", "2-1=1, a@b.example"),
        ('x;"=1', "x;\"'=1"),
        ('say "x=1"', 'say "x=1"'),
        (-1, "-1"),
        (1.5, "1.5"),
        (True, "true"),
        (None, ""),
        (["=1", {"a": 2}], '["=1", {"a": 2}]'),
    ],
)
def test_no_cell_is_a_formula_and_numbers_stay_numbers(value: Any, cell: str) -> None:
    assert read(writing.as_csv([{"a": value, "b": "x"}])) == [["a", "b"], [cell, "x"]]


def test_no_name_of_a_column_is_a_formula() -> None:
    assert read(writing.as_csv([{"=1": "x"}]))[0] == ["'=1"]


@given(st.text(alphabet=f'{SIGNS};,"\t\r\n ax\u200b', max_size=20))
def test_no_text_becomes_a_formula_wherever_a_cell_is_taken_to_end(text: str) -> None:
    written = writing.as_csv([{"a": text, "b": text}])
    assert len(read(written)) == 2
    for delimiter in ",;\t":
        lenient = csv.reader(io.StringIO(written[1:], newline=""), delimiter=delimiter)
        for row in lenient:
            assert not any(cell.startswith(tuple(SIGNS)) for cell in row)


def test_rows_that_differ_have_all_columns_in_the_order_of_their_coming() -> None:
    written = writing.as_csv([{"a": 1}, {"b": "é, x"}])
    assert written == '\ufeffa,b\r\n1,\r\n,"é, x"\r\n'


def test_a_table_of_markdown_stays_one_whatever_is_in_it() -> None:
    rows: list[dict[str, Any]] = [
        {"a|b": "1|2\n3", "c": "<b>*x*</b> [y](z) `q`"},
        {"c": None},
    ]
    assert writing.as_markdown(rows).splitlines() == [
        r"| a\|b | c |",
        "| --- | --- |",
        r"| 1\|2 3 | \<b\>\*x\*\</b\> \[y\](z) \`q\` |",
        "|  |  |",
    ]


def test_code_has_a_fence_that_is_longer_than_those_in_it() -> None:
    assert markdown.fenced("````\nx") == "`````\n````\nx\n`````"


def test_json_is_as_it_was() -> None:
    value = [{"a": "=1", "é": [1, None]}]
    written = writing.as_json(value)
    assert json.loads(written) == value
    assert "é" in written


@pytest.mark.parametrize("write", [writing.as_csv, writing.as_markdown])
def test_too_many_columns_are_no_table(write: Any) -> None:
    rows = [{f"c{n}": n} for n in range(writing.COLUMNS_MOST + 1)]
    with pytest.raises(ToolError, match="more than 256 columns"):
        write(rows)
    assert write(rows[:-1])


@pytest.mark.parametrize("write", [writing.as_csv, writing.as_markdown])
def test_what_would_be_too_large_is_not_written_to_its_end(
    write: Any, settings: Settings
) -> None:
    settings.EXPORT_MAX_BYTES = 1 << 20
    wide = {f"c{n}": None for n in range(writing.COLUMNS_MOST)}
    # Empty cells of a table that would have more than 200 MiB.
    rows = [wide, *[{"c0": 1}] * 1_000_000]
    with pytest.raises(ToolError, match="larger than 1 MiB"):
        write(rows)


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([{"a": 1}], [{"a": 1}]),
        ({"total": 1, "items": [{"a": 1}]}, [{"a": 1}]),
        ({"a": [{"x": 1}], "b": [{"y": 2}]}, None),
        ([], None),
        ([1, 2], None),
        ([{"a": 1}, 2], None),
        ({"a": 1}, None),
        ("text", None),
        (None, None),
    ],
)
def test_a_table_is_a_list_of_objects(value: Any, rows: Any) -> None:
    assert writing.rows_of(value) == rows
