"""Rows of values as files: CSV for spreadsheets, Markdown for people, JSON.

A spreadsheet runs what looks like a formula, also from a file that somebody else
filled: such texts get an apostrophe before them, which makes them texts.

Source: OWASP, "CSV Injection".
"""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings

from systemtools.base import ToolError
from systemtools.export.markdown import escaped

COLUMNS_MOST: Final = 256
type Row = dict[str, Any]
# What a spreadsheet begins a formula with, also in full width.
_SIGNS: Final = "=+-@\uff1d\uff0b\uff0d\uff20"
_UNSEEN: Final = " \t\r\n\xa0\ufeff\u200b"
_BEGINS: Final = ("\t", "\r", "\n")
# Some take a semicolon, a tab or a line's end for the end of a cell; quotes may follow.
_INSIDE: Final = re.compile(f'([;\t\r\n]"*)(?=[{re.escape(_SIGNS)}])')


def as_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV with a line of names; nothing in it is a formula.

    It begins with a byte order mark, by which spreadsheets know that it is UTF-8.

    Raises:
        ToolError: there are too many columns, or it is larger than a file may be.
    """
    file = io.StringIO(newline="")
    file.write("\ufeff")
    writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    columns = _columns(rows)
    writer.writerow([unformulated(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
        _refuse_more(file.tell())
    return file.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    """Return rows as a table of Markdown, of which no text becomes a part.

    Raises:
        ToolError: as `as_csv`.
    """
    columns = _columns(rows)
    file = io.StringIO()
    file.write(_line([escaped(column) for column in columns]))
    file.write(_line(["---"] * len(columns)))
    for row in rows:
        file.write(_line([escaped(_plain(row.get(column))) for column in columns]))
        _refuse_more(file.tell())
    return file.getvalue()


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def unformulated(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    is_one = text.lstrip(_UNSEEN).startswith(tuple(_SIGNS))
    guarded = _INSIDE.sub(r"\1'", text)
    return f"'{guarded}" if is_one or text.startswith(_BEGINS) else guarded


def rows_of(value: Any) -> list[Row] | None:
    """Return the rows that a value consists of, None if it is no table.

    A table is a list of objects, or an object with one such list in it.
    """
    if _is_rows(value):
        return list(value)
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if _is_rows(inner)]
        return list(lists[0]) if len(lists) == 1 else None
    return None


def _is_rows(value: Any) -> bool:
    is_list = isinstance(value, list) and bool(value)
    return is_list and all(isinstance(item, dict) for item in value)


def _columns(rows: Sequence[Row]) -> list[str]:
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
        if len(columns) > COLUMNS_MOST:
            raise ToolError(
                f"This table has more than {COLUMNS_MOST} columns, so it is no table "
                "that can be read. Choose json."
            )
    return list(columns)


def _refuse_more(size: int) -> None:
    if size > settings.EXPORT_MAX_BYTES:
        raise too_large()


def too_large() -> ToolError:
    most = settings.EXPORT_MAX_BYTES >> 20
    return ToolError(f"This file would be larger than {most} MiB. Export less at once.")


def _cell(value: Any) -> Any:
    """Return what the CSV writer takes; numbers are no formulas."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else unformulated(_plain(value))


def _plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
