"""Structured content that reads best as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from connectors import text

MAX_ROWS: Final = 200
MAX_COLUMNS: Final = 12
CELL_CHARS: Final = 300
_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of texts; `more` rows are not shown. `caption` says what stands around."""

    columns: list[str]
    rows: list[list[str]]
    more: int = 0
    caption: str = ""

    @property
    def labelled(self) -> list[list[tuple[str, str]]]:
        """The rows, each cell after the name of its column."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


def table_of(value: Any) -> Table | None:
    """Return `value` as a table, None if it is not the kind of value that has one.

    A list of flat objects has a row for each, also as the only list in an object
    (`{"total": 3, "items": […]}`). An object of objects of values has names and values.
    """
    if isinstance(value, list):
        return _of_list(value)
    if not isinstance(value, dict):
        return None
    lists = [key for key, inner in value.items() if _is_list_of_objects(inner)]
    if len(lists) == 1 and all(
        _is_scalar(inner) for key, inner in value.items() if key != lists[0]
    ):
        around = {key: inner for key, inner in value.items() if key != lists[0]}
        return _of_list(value[lists[0]], caption=_caption(lists[0], around))
    return _of_names(value)


def _of_list(items: list[Any], *, caption: str = "") -> Table | None:
    if not _is_list_of_objects(items):
        return None
    columns = list(dict.fromkeys(key for item in items for key in item))
    if len(columns) > MAX_COLUMNS:
        return None
    rows = [[_cell(item.get(key)) for key in columns] for item in items[:MAX_ROWS]]
    names = [_cell(key) for key in columns]
    more = max(0, len(items) - MAX_ROWS)
    return Table(columns=names, rows=rows, more=more, caption=caption)


def _of_names(value: dict[str, Any]) -> Table | None:
    # A lone value is shown better as itself.
    if len(value) < 2 or not all(_is_flat(inner, depth=1) for inner in value.values()):
        return None
    rows = [[_cell(name), _cell(inner)] for name, inner in _named(value)]
    more = max(0, len(rows) - MAX_ROWS)
    return Table(columns=["Name", "Value"], rows=rows[:MAX_ROWS], more=more)


def _named(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from ((f"{name} · {key}", below) for key, below in inner.items())
        else:
            yield name, inner


def _caption(name: str, around: dict[str, Any]) -> str:
    facts = [f"{_cell(key)}: {_cell(inner)}" for key, inner in around.items()]
    return " · ".join([_cell(name), *facts])


def _is_list_of_objects(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and item for item in value)
        and all(_is_flat(inner) for item in value for inner in item.values())
    )


def _is_flat(value: Any, *, depth: int = 0) -> bool:
    """Tell what fits into a cell; with `depth`, also an object of such."""
    if isinstance(value, dict):
        return bool(depth) and all(_is_flat(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_is_scalar(item) for item in value)
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, _SCALARS)


def _cell(value: Any) -> str:
    """Write what stands in a cell."""
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value[:CELL_CHARS])[:CELL_CHARS]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    whole = value if isinstance(value, str) else repr(value)
    cut = whole if len(whole) <= CELL_CHARS else whole[: CELL_CHARS - 1] + "…"
    return text.reveal(cut)
