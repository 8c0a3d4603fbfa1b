"""What the texts of an answer mean, and which texts mean a value.

A value that no text shows as it is (with characters that nobody sees, empty, of an
unexpected kind) is written as JSON, where everything can be seen.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from agent.chatkit.blanks import Blank
from connectors.schema_form import controls
from connectors.schema_form.json_text import NotJson, compact, loads
from connectors.text import reveal

_NUMBERS: Final = re.compile("[,\n]")
_JSON_STARTS: Final = ("{", "[", '"')
_CHOOSE_ONE: Final = "Choose one of these."
_ONE_ANSWER: Final = "Give one answer."


class Unreadable(Exception):
    """An answer that means nothing here: the keyword, and a sentence for people."""

    def __init__(self, keyword: str, message: str, *path: int) -> None:
        self.keyword, self.message, self.path = keyword, message, path
        super().__init__(message)


def texts_of(blank: Blank, value: Any) -> list[str] | None:
    """Return the texts that mean `value`, None if only JSON can say it."""
    match blank.kind:
        case "json":
            return [line(value)]
        case "lines":
            return [line(value)] if isinstance(value, list) else None
        case "one":
            return _labels(blank, [value])
        case "many":
            return _labels(blank, value) if isinstance(value, list) else None
    if blank.field.kind in {"number", "integer"}:
        is_whole = blank.field.kind == "integer"
        text = controls.text_of_number(value, is_whole=is_whole)
        return None if text is None else [text]
    is_text = isinstance(value, str) and _is_seen(blank, value)
    return [value] if is_text else None


def posted(blank: Blank, texts: Sequence[str]) -> str:
    """Return what our own form would send for an answer that is not empty.

    Raises:
        Unreadable: it is none of the choices, or not what is asked for.
    """
    if blank.kind == "many":
        return compact([value for text in texts for value in _chosen(blank, text)])
    if len(texts) > 1 and blank.kind != "lines":
        raise Unreadable("maxItems", _ONE_ANSWER)
    if blank.kind == "lines":
        return _list("\n".join(texts), blank)
    if blank.kind == "one":
        return _choice(blank, texts[0])
    return _quoted(texts[0]) if blank.takes_text else texts[0]


def line(value: Any) -> str:
    """Write `value` as JSON on one line, in which every character can be seen."""
    text = json.dumps(value, ensure_ascii=False)
    is_seen = text.isprintable() and reveal(text) == text
    return text if is_seen else json.dumps(value)


def _labels(blank: Blank, values: list[Any]) -> list[str] | None:
    shown = {option.text: label for label, option in blank.choices.items()}
    texts = [compact(value) for value in values]
    are_seen = texts and len(set(texts)) == len(texts) and shown.keys() >= set(texts)
    return [shown[text] for text in texts] if are_seen else None


def _is_seen(blank: Blank, text: str) -> bool:
    """Tell whether `text` is seen as it is, and comes back as it was."""
    is_bare = text == text.strip() and text != "" and reveal(text) == text
    is_printable = all(char.isprintable() or char in "\n\t" for char in text)
    kind = controls.kind_holding(blank.field.kind, text)
    return is_bare and is_printable and controls.string_of(kind, text) == text


def _chosen(blank: Blank, text: str) -> list[Any]:
    """Return what one text of several chooses: one, or what a JSON list says."""
    try:
        return [blank.choices[_label(blank, text)].value]
    except KeyError:
        pass
    values = _loaded(text) if text.lstrip().startswith("[") else None
    if not isinstance(values, list):
        raise Unreadable("enum", _CHOOSE_ONE)
    return values


def _choice(blank: Blank, text: str) -> str:
    try:
        return blank.choices[_label(blank, text)].text
    except KeyError:
        raise Unreadable("enum", _CHOOSE_ONE) from None


def _label(blank: Blank, text: str) -> str:
    """Return which choice a text means: one that is shown, or its value, written.

    Raises:
        KeyError: none.
    """
    wanted = text.strip()
    if text in blank.choices or wanted in blank.choices:
        return text if text in blank.choices else wanted
    for label, option in blank.choices.items():
        if wanted == option.text or wanted == option.value:
            return label
    folded = [one for one in blank.choices if one.casefold() == wanted.casefold()]
    if len(folded) != 1:
        raise KeyError(text)
    return folded[0]


def _list(text: str, blank: Blank) -> str:
    """Read a list: as JSON, or an item on each line; of numbers, or after commas."""
    if text.lstrip().startswith("["):
        return compact(_loaded(text))
    text = controls.posted_text(text)
    kind = blank.item.kind if blank.item else "text"
    if kind == "text":
        return compact([one.strip() for one in text.split("\n") if one.strip()])
    numbers: list[int | float] = []
    for one in _NUMBERS.split(text):
        try:
            if one.strip():
                number = controls.number_of(one, is_whole=kind == "integer")
                numbers.append(number)
        except NotJson as problem:
            raise Unreadable("type", str(problem), len(numbers)) from None
    return compact(numbers)


def _quoted(text: str) -> str:
    """Return JSON as it is, and other text as a JSON string.

    What begins as JSON was meant as that, even if it is broken.
    """
    if text.lstrip().startswith(_JSON_STARTS):
        return text
    try:
        loads(text)
    except NotJson:
        return compact(text)
    return text


def _loaded(text: str) -> Any:
    try:
        return loads(text)
    except NotJson as problem:
        raise Unreadable("json", str(problem)) from None
