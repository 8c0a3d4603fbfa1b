"""Text of strangers in a Markdown document, of which nothing in it becomes a part."""

import re
from typing import Final

_FENCES: Final = re.compile("`{3,}")
_SIGNS: Final = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def escaped(text: str) -> str:
    """Return one line in which no character has a meaning to Markdown."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def fenced(text: str) -> str:
    """Return text as code, whatever fences are in it."""
    longest = max((len(found) for found in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"


def quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
