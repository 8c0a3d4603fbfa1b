"""A tool's arguments from a person's own words.

For Direct mode, and for a pick that the model does not use. It guesses as little as
it can: whether the result fits, the validation says, and if not, the person gets the
form. Pure, and cheap for any words and any schema.

    budget 2027                     the one text that the tool asks for
    limit=5, tag: urgent cats       named ones; the rest is the main text
    delete N-105                    an id is the one word that looks like one
    {"query": "cats", "limit": 5}   all of them
"""

import json
import re
from typing import Any

from connectors.schema_form.document import Document
from connectors.schema_form.shapes import Shape

# What the main text of a tool is called, the likeliest first.
MAIN_NAMES = (
    "query", "q", "search", "text", "message", "content", "body", "prompt",
    "question", "input", "expression", "url", "name", "title", "id",
)  # fmt: skip
MAX_WORDS_CHARS = 20_000
MAX_DIGITS = 300
_NAMED = re.compile(
    r"""(?<!\S)([A-Za-z_][\w.-]{0,99})(?:=|:(?!//))\s?("[^"]*"|'[^']*'|\S*)[,;]*"""
)
# Between named values, and around what looks like an id.
_SEPARATORS = ",;"
_AROUND = ",;.:!?\"'()[]<>"
# Names and descriptions of what holds an id, not words.
_IS_ID = re.compile(r"(^|[_-])(id|key|ref|number)$|[a-z](Id|ID)$")
_SAYS_ID = re.compile(r"\b(id|identifier)\b", re.IGNORECASE)
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
DESCRIPTION_CHARS = 500
_TRUE = frozenset("true yes on 1".split())
_FALSE = frozenset("false no off 0".split())


def from_words(schema: dict[str, Any], words: str) -> dict[str, Any]:
    """Return the arguments that `words` seem to mean; never fails."""
    words = words[:MAX_WORDS_CHARS].strip()
    written = _as_object(words)
    if written is not None:
        return written
    document = Document(schema)
    shape = document.shape(schema)
    fields = {name: document.shape(part) for name, part in shape.properties.items()}
    arguments, rest = _named(fields, words)
    # What stands beside named ones was perhaps only a way to say it.
    main = _main(fields, shape.required, taken=arguments.keys()) if rest else None
    if main is not None:
        value = _value(fields[main], _id_in(main, fields[main], rest))
        # Words that are no number are not put into the field of one, nor two ids.
        if value != "" and _is_likely(fields[main], value):
            arguments[main] = value
    return arguments


def main_field(schema: dict[str, Any]) -> str | None:
    """Return which argument a person's words would become, if any."""
    document = Document(schema)
    shape = document.shape(schema)
    fields = {name: document.shape(part) for name, part in shape.properties.items()}
    return _main(fields, shape.required, taken=())


def _as_object(words: str) -> dict[str, Any] | None:
    if not words.startswith("{"):
        return None
    try:
        value = json.loads(words)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _named(fields: dict[str, Shape], words: str) -> tuple[dict[str, Any], str]:
    """Take `name=value` and `name: value` out of `words`, of names that exist."""
    known = {_folded(name): name for name in fields}
    arguments: dict[str, Any] = {}

    def take(found: re.Match[str]) -> str:
        name = known.get(_folded(found[1]))
        if name is None or name in arguments or not found[2]:
            return found[0]
        word = found[2].rstrip(_SEPARATORS) or found[2]
        arguments[name] = _value(fields[name], _unquoted(word))
        return ""

    rest = _NAMED.sub(take, words)
    return arguments, " ".join(rest.split()).strip(" ,;") if arguments else rest


def _main(fields: dict[str, Shape], required: frozenset[str], taken: Any) -> str | None:
    """Say which of `fields` the words are that have no name.

    A text that is asked for, the likeliest first; else one that may be given, unless
    the tool says what it is without; else the only other value that is asked for.
    """
    free = {name: shape for name, shape in fields.items() if name not in taken}
    texts = [name for name, shape in free.items() if _takes_text(shape)]
    needed = [name for name in texts if name in required]
    offered = [name for name in texts if _is_offered(name, free[name])]
    for candidates in (needed, offered):
        if candidates:
            return min(candidates, key=_likelihood)
    needed = [name for name in free if name in required]
    return needed[0] if len(needed) == 1 else None


def _is_offered(name: str, shape: Shape) -> bool:
    """Tell a text that words are for from a setting that has a value of its own."""
    return name.casefold() in MAIN_NAMES or "default" not in shape.keywords


def _id_in(name: str, shape: Shape, words: str) -> str:
    """Return the word that looks like an id, where one is asked for.

    "" if there are several; all the words if none does, or if no id is asked for. A
    pattern is not tried: a stranger's may take for ever.
    """
    looks = _looks_of(shape.keywords.get("examples"))
    if shape.kind != "text" or not (looks or _is_id(name, shape)):
        return words
    found = {word.strip(_AROUND) for word in words.split()}
    ids = [word for word in found if _has_digit(word)]
    if looks:
        ids = [word for word in ids if _look(word) in looks]
    if len(ids) == 1:
        return ids[0]
    return "" if ids else words


def _looks_of(examples: Any) -> set[str]:
    """Return what ids look like; empty if the examples are words or anything else."""
    if not isinstance(examples, list):
        return set()
    ids = [one for one in examples if isinstance(one, str) and _has_digit(one)]
    is_whole = all(len(one.split()) == 1 for one in ids)
    return (
        {_look(one) for one in ids} if is_whole and len(ids) == len(examples) else set()
    )


def _is_id(name: str, shape: Shape) -> bool:
    if _IS_ID.search(name):
        return True
    if name.casefold() in MAIN_NAMES:
        return False
    said = str(shape.keywords.get("description") or "")[:DESCRIPTION_CHARS]
    return "pattern" in shape.keywords or bool(_SAYS_ID.search(said))


def _has_digit(word: str) -> bool:
    return bool(_DIGITS.search(word))


def _look(word: str) -> str:
    """Return the shape of a word: letters and digits, however many, and the rest."""
    return _DIGITS.sub("0", _LETTERS.sub("a", word))


def _likelihood(name: str) -> int:
    folded = name.casefold()
    return MAIN_NAMES.index(folded) if folded in MAIN_NAMES else len(MAIN_NAMES)


def _takes_text(shape: Shape) -> bool:
    return shape.kind == "text" or (shape.kind == "any" and not shape.keywords)


def _is_likely(shape: Shape, value: Any) -> bool:
    if shape.kind == "choice":
        return any(option.value == value for option in shape.options)
    return _takes_text(shape) or not isinstance(value, str)


def _value(shape: Shape, word: str) -> Any:
    """Read one value as its shape wants it; as it was written where that fails."""
    folded = word.casefold()
    if shape.is_nullable and folded in {"null", "none"}:
        return None
    match shape.kind:
        case "choice":
            return _chosen(shape, folded, word)
        case "boolean" if folded in _TRUE | _FALSE:
            return folded in _TRUE
        case "integer" | "number":
            return _number(word)
        case "array":
            return _listed(word)
        case "object" | "union" | "any":
            return _json_or(word)
    return word


def _chosen(shape: Shape, folded: str, word: str) -> Any:
    for option in shape.options:
        if folded in {str(option.value).casefold(), option.label.casefold()}:
            return option.value
    return word


def _number(word: str) -> Any:
    if len(word) <= MAX_DIGITS and re.fullmatch(r"[+-]?\d+", word, re.ASCII):
        return int(word)
    if re.fullmatch(r"[+-]?\d+\.\d+", word, re.ASCII):
        return float(word)
    return word


def _listed(word: str) -> Any:
    value = _json_or(word)
    if isinstance(value, list):
        return value
    return [_json_or(item.strip()) for item in word.split(",") if item.strip()]


def _json_or(word: str) -> Any:
    if word[:1] in '[{"' or re.fullmatch(r"-?\d{1,15}(\.\d+)?", word, re.ASCII):
        try:
            return json.loads(word)
        except (ValueError, RecursionError):
            return word
    return word


def _unquoted(word: str) -> str:
    is_quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
    return word[1:-1] if is_quoted else word


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")
