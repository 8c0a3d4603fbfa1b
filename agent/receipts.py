"""What is shown of one call in a thread: exactly what it sent, and what came of it.

Made from the call's part alone (agent.parts). What a tool answered is a stranger's:
it stays text, and what cannot be seen in it is made visible.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from agent import made_files
from agent.envelope import content_of
from agent.made_files import MadeFile
from agent.parts import Part
from agent.spoken_names import pick_of
from connectors import text
from connectors.activity import OUTCOMES
from connectors.models import Outcome, Source
from connectors.results.sizes import duration
from connectors.schema_form import json_text

ANSWER_CHARS: Final = 4_000
# Somebody who decides on a call sees all of it, up to this for each argument.
ARGUMENT_CHARS: Final = 100_000
LONG_CHARS: Final = 400
LINE_CHARS: Final = 80
_LIKE_JSON: Final = re.compile(r'[\s{\["]|.*\s$|-?\d|(true|false|null)$|$', re.DOTALL)

Look = tuple[str, str, str]
_DONE: Final[dict[str, Look]] = {str(name): look for name, look in OUTCOMES.items()}
_LOOKS: Final[dict[str, Look]] = {
    "running": ("checking", "loader-circle", "Running"),
    "allowed": ("checking", "loader-circle", "Allowed, about to run"),
    "sent": ("checking", "loader-circle", "Form sent, about to run"),
    "signed_in": ("checking", "loader-circle", "Signed in, about to run"),
    "refused": _DONE[Outcome.REFUSED],
    "invalid": ("review", "triangle-alert", "Its arguments did not fit; not sent"),
    "unknown": _DONE[Outcome.UNKNOWN],
    "cancelled": ("paused", "x", "Cancelled"),
    "declined": ("paused", "hand", "You declined, nothing was sent"),
    "superseded": ("paused", "x", "You wrote on instead, nothing was sent"),
    "expired": ("paused", "clock", "It waited too long, nothing was sent"),
}
# States in which one line says all there is.
_LINES: Final = {"declined", "superseded", "expired"}
_WAITING: Final = {"waiting": "ask", "form": "form", "sign_in": "sign_in"}
# What the person can put right, and on which page.
_SIGN_IN: Final = {"SIGN_IN_REQUIRED", "AUTH_REQUIRED", "AUTH_FAILED"}
_DECISIONS: Final = {
    "allowed": "You allowed this once",
    "always": "You always allow this tool",
    "sent": "You filled in its form",
    "signed_in": "Ran after you signed in",
}


_ALWAYS: Final = "Ran without asking: you always allow this tool"


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument; `is_code` where it is JSON and not plain text."""

    name: str
    shown: str
    is_code: bool
    more: int = 0

    @property
    def is_long(self) -> bool:
        return len(self.shown) > LONG_CHARS or "\n" in self.shown


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """One call: `kind` is receipt, line, ask, form or sign_in; then how it looks."""

    kind: str
    state: str
    glyph: str
    word: str
    tool: str
    source: str
    about: str
    took: str
    arguments: list[Argument]
    answered: str
    more: int
    why: str
    remedy: str
    percent: int | None
    progress: str
    # The pick of the tool, where it ran because it is always allowed.
    always: str
    # What Export made, in place of its answer.
    file: MadeFile | None


def receipt(part: Part) -> Receipt:
    """Return what is shown of a call."""
    state, glyph, word = _look(part)
    answered = _answered(part)
    file = made_files.of(part)
    return Receipt(
        kind=_kind(part["state"]),
        state=state,
        glyph=glyph,
        word=word,
        tool=_line(part.get("tool") or part.get("name")),
        source=source_of(part),
        about=file.name if file else _about(part),
        took=_took(part),
        arguments=arguments(part.get("arguments")),
        answered=text.reveal(answered[:ANSWER_CHARS]),
        more=max(0, len(answered) - ANSWER_CHARS),
        why=why(part),
        remedy=_remedy(part),
        percent=_percent(part.get("progress") or {}),
        progress=_line((part.get("progress") or {}).get("message")),
        always=_always(part),
        file=file,
    )


def arguments(given: object) -> list[Argument]:
    """Return arguments so that two that differ never look the same."""
    if not isinstance(given, dict):
        return []
    return [_argument(name, value) for name, value in given.items()]


def source_of(part: Part) -> str:
    """Return what the person calls the connector or the system tool."""
    label = str(part.get("label") or "")
    before = part.get("connector") or label.partition(": ")[0]
    return _line(before or part.get("source"))


def why(part: Part) -> str:
    """Say why a call ran although, or because, nobody was asked."""
    if part["state"] == "unknown" and (part.get("repeats") or part.get("is_earlier")):
        return "Not repeated on retry: nobody knows whether this call happened"
    if part.get("repeats"):
        return "Not sent again: this was answered before the retry"
    if part.get("call_id") is None or part["state"] not in {"running", "done"}:
        return ""
    if decided := _DECISIONS.get(str(part.get("decision"))):
        return decided
    if part.get("reads_only"):
        return "Ran without asking: this tool only reads"
    return _ALWAYS


def _always(part: Part) -> str:
    """Return the pick of a tool that ran because it is always allowed, else ""."""
    if why(part) not in {_DECISIONS["always"], _ALWAYS}:
        return ""
    return str(pick_of((part["source"], part["ref"], part["tool"])))


def _kind(state: str) -> str:
    return _WAITING.get(state) or ("line" if state in _LINES else "receipt")


def _look(part: Part) -> Look:
    if part["state"] == "done":
        return _DONE.get(part.get("outcome") or "ok", _DONE[Outcome.FAILED])
    return _LOOKS.get(part["state"], ("checking", "clock", "Waits for you"))


def _argument(name: object, value: object) -> Argument:
    if isinstance(value, str) and not _LIKE_JSON.match(value):
        whole, is_code = value, False
    else:
        whole, is_code = _as_json(value), True
    return Argument(
        name=_line(name),
        shown=text.reveal(whole[:ARGUMENT_CHARS]),
        is_code=is_code,
        more=max(0, len(whole) - ARGUMENT_CHARS),
    )


def _as_json(value: object) -> str:
    """Write a value in one line if that is a short one."""
    short = json.dumps(value, ensure_ascii=False)
    return short if len(short) <= LINE_CHARS else json_text.dumps(value)


def _about(part: Part) -> str:
    return _line(part.get("summary") or part.get("message"))


def _answered(part: Part) -> str:
    if part["state"] != "done":
        return ""
    return content_of(part.get("model_text") or "")


def _took(part: Part) -> str:
    spent = part.get("duration_ms")
    return duration(spent) if isinstance(spent, int) else ""


def _remedy(part: Part) -> str:
    """Name the page where the person can put it right."""
    if part.get("source") == Source.SYSTEM and part.get("ref"):
        return "system-tool" if part.get("error_code") else ""
    is_connector = part.get("source") == Source.CONNECTOR
    if not is_connector or not str(part.get("ref")).isdecimal():
        return ""
    code = part.get("error_code") or ""
    if code in _SIGN_IN:
        return "sign-in"
    return "connector" if code else ""


def _percent(progress: dict[str, Any]) -> int | None:
    done, total = progress.get("done"), progress.get("total")
    if not isinstance(done, int | float) or not isinstance(total, int | float):
        return None
    return int(100 * min(1.0, max(0.0, done / total))) if total > 0 else None


def _line(value: object) -> str:
    return text.clean(value, limit=200)
