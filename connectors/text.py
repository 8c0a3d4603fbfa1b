"""Text from outside, made fit to be shown and to be stored.

A hostile name or description must not reorder, hide or forge what a person
reads (Unicode TR 36), nor break the database: PostgreSQL has no U+0000 and no
lone surrogates.
"""

import math
import re
import unicodedata
from typing import Any

# ECMA-48: CSI and strings (OSC, DCS, SOS, PM, APC), else ESC and its final byte.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
# Controls but line feed and tab; Unicode's Default_Ignorable_Code_Point without
# U+FE0F (it makes an emoji of a sign); annotations; surrogates; noncharacters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0"
    "\ufff0-\ufffb\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}"
        for plane in range(0x10000, 0x110000, 0x10000)
    )
    + "]"
)
_LINE_ENDS = re.compile("\r\n?|\x0b|\x0c|\u2028|\u2029")
_BLANKS = re.compile(r"\s+")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Only so much is looked at: what is dropped may be longer than what is kept.
_LOOKED_AT_PER_CHAR = 16
_LOOKED_AT_LEAST = 4096
# A larger number is infinite where JSON numbers are doubles; Python refuses to
# write out one of more than 4,300 digits.
_MAX_BITS = 1024
_NOT_IN_SLUG = re.compile("[^a-z0-9]+")


def clean(text: object, *, limit: int, multiline: bool = False) -> str:
    """Return at most `limit` characters of `text` that a person can see.

    Composed (NFC), without controls, terminal escapes, bidirectional controls,
    zero-width and tag characters, lone surrogates. One line unless `multiline`.
    A number is written out; what is neither number nor text gives "".
    """
    if not isinstance(text, str):
        text = str(text) if _is_plain_number(text) else ""
    text = text[: _LOOKED_AT_LEAST + _LOOKED_AT_PER_CHAR * limit]
    text = _LINE_ENDS.sub("\n", _TERMINAL.sub("", text))
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    if not multiline:
        text = _BLANKS.sub(" ", text)
    return text.strip()[:limit].rstrip()


def reveal(text: str) -> str:
    """Return `text` with each character that a person cannot see as ⟨U+202E⟩.

    For text that is shown as it was sent: nothing is hidden, nothing is reordered.
    """
    text = _LINE_ENDS.sub("\n", text)
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def slug(text: str, *, limit: int) -> str:
    """Return at most `limit` of `[a-z0-9-]` that remind of `text`; maybe none."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in letters if not unicodedata.combining(char))
    return _NOT_IN_SLUG.sub("-", letters).strip("-")[:limit].rstrip("-")


def clean_json(value: Any) -> Any:
    """Return `value` without what a JSON column refuses.

    That is U+0000 and lone surrogates in keys and texts, and numbers that JSON
    does not have. The depth of `value` must have been capped before.
    """
    match value:
        case str():
            return _UNSTORABLE.sub("", value)
        case dict():
            return {clean_json(str(key)): clean_json(v) for key, v in value.items()}
        case list() | tuple():
            return [clean_json(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case int() if value.bit_length() > _MAX_BITS:
            return None
        case _:
            return value


def _is_plain_number(value: object) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= _MAX_BITS
    return isinstance(value, float) and math.isfinite(value)
