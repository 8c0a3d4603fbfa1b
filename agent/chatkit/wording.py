"""What a question says: what our form says beside a control, and of the control."""

from typing import Final

from agent.chatkit.blanks import Blank
from connectors.schema_form import Field
from connectors.schema_form.fields import SENTENCE_ENDS
from connectors.schema_form.shapes import Shape
from connectors.text import clean

KEYS_SHOWN: Final = 20
KEY_CHARS: Final = 60
# Of what a control shows without a word.
_CONTROLS: Final = {
    "date": "A date such as 2026-01-31.",
    "time": "A time such as 14:30.",
    "datetime": "A date and time such as 2026-01-31T14:30.",
    "email": "An email address.",
    "number": "A number.",
    "integer": "A whole number.",
}
_LISTS: Final = {
    "text": "One on each line, or a JSON list.",
    "number": "Numbers with commas between them.",
    "integer": "Whole numbers with commas between them.",
}


def label_of(blank: Blank) -> str:
    """Return what is asked for, with the names of what it is a part of."""
    fields = [*blank.around, blank.field]
    return ": ".join(_name(field) for field in fields)


def about(blank: Blank) -> str:
    """Say what is wrong with it, what it is, and what an answer must be like."""
    texts: list[str] = []
    for field in (*blank.speaks_for, blank.field):
        texts += [field.error, field.help]
    field = blank.field
    texts += [_control(blank), field.hint, *_keys(blank), _alternatives(blank)]
    if field.placeholder:
        texts.append(f"Such as: {field.placeholder}")
    texts.append(_mark(field))
    # What a server says may be what the control says: once is enough.
    sentences = dict.fromkeys(_sentence(text) for text in texts if text)
    return " ".join(sentences)


def _name(field: Field) -> str:
    return f"{field.label} ({field.key_label})" if field.key_label else field.label


def _control(blank: Blank) -> str:
    if blank.kind == "lines" and blank.item:
        return _LISTS[blank.item.kind]
    return _CONTROLS.get(blank.field.kind, "") if blank.kind == "text" else ""


def _keys(blank: Blank) -> list[str]:
    """Name the keys of an object that is written as JSON."""
    if blank.kind != "json":
        return []
    kind = "Text, or JSON." if blank.takes_text else "JSON."
    texts = [] if blank.field.hint else [kind]
    if blank.item and blank.item.properties:
        return [*texts, f"Each item has the keys {_named(blank.item)}"]
    if blank.shape and blank.shape.properties:
        return [*texts, f"Its keys: {_named(blank.shape)}"]
    return texts


def _named(shape: Shape) -> str:
    keys = list(shape.properties)[:KEYS_SHOWN]
    names = [
        clean(key, limit=KEY_CHARS) + (" (required)" if key in shape.required else "")
        for key in keys
    ]
    return ", ".join([*names, "…"] if len(keys) < len(shape.properties) else names)


def _alternatives(blank: Blank) -> str:
    if blank.field.kind != "union":
        return ""
    return "One of: " + ", ".join(option.label for option in blank.field.options)


def _mark(field: Field) -> str:
    if field.is_marked:
        return "Required."
    return "" if field.is_required else "Optional."


def _sentence(text: str) -> str:
    return text if text.endswith(SENTENCE_ENDS) else f"{text}."
