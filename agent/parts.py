"""From the events of a turn to what is shown of it: the one way there.

Pure. A part is a dict with a `kind`:

text      text; `cut` when the answer was broken off in it
call      one call of a tool: running, done, refused, declined, unknown, cancelled,
          invalid; before it waiting, allowed, form, sent, sign_in, signed_in,
          superseded, expired; `is_earlier` when the answer was tried again after it
sign_in   what was picked waits for a sign-in: sign_in, signed_in, declined,
          superseded, expired
question  a server asks in the middle of a call: form, url, sent, opened, declined,
          superseded, expired
notice    a sentence between the others, with its level
end       why the answer ended early; gone when it is tried again
"""

from collections.abc import Callable, Iterable
from typing import Any

Part = dict[str, Any]
Parts = list[Part]

# A level of notice that shows nothing: the answer is tried again from here.
RETRY = "retry"
# Calls that have begun and that nobody knows the end of.
RUNNING = "running"
# What waits for the person, and calls that the person wants to run.
WAITING = ("waiting", "form", "sign_in", "url")
DECIDED = ("allowed", "sent", "signed_in")
_APPROVED = {
    "allowed": "allowed",
    "always": "allowed",
    "declined": "declined",
    "superseded": "superseded",
    "expired": "expired",
}
_ENDED_EARLY = ("failed", "stopped", "interrupted")


def fold(parts: Parts, kind: str, payload: dict[str, Any]) -> int | None:
    """Apply one event to `parts`; return the index of the part that it touched.

    None if no part was added or changed. After a notice of level `retry` all are
    to be looked at again: the end is gone.
    """
    if kind != "done" and parts and parts[-1]["kind"] == "end":
        parts.pop()
    return _FOLDS[kind](parts, payload)


def fold_all(events: Iterable[tuple[str, dict[str, Any]]]) -> Parts:
    """Return the parts that `events`, in order, make."""
    parts: Parts = []
    for kind, payload in events:
        fold(parts, kind, payload)
    return parts


def text_of(parts: Parts) -> str:
    """Return what the agent said, without calls and notices."""
    texts = (part["text"] for part in parts if part["kind"] == "text")
    return "\n\n".join(text for text in texts if text)


def calls_in(parts: Parts, *states: str) -> Parts:
    """Return the calls in one of `states`, in order; without states, all."""
    calls = (part for part in parts if part["kind"] == "call")
    return [part for part in calls if not states or part["state"] in states]


def open_in(parts: Parts) -> Parts:
    """Return what waits for the person, and the calls that they want to run."""
    asked = [part for part in parts if part.get("state") in WAITING]
    return asked + calls_in(parts, *DECIDED)


def _text(parts: Parts, payload: dict[str, Any]) -> int | None:
    if not payload["delta"]:
        return None
    last = parts[-1] if parts else {}
    if last.get("kind") == "text" and not last.get("cut"):
        last["text"] += payload["delta"]
    else:
        parts.append({"kind": "text", "text": payload["delta"]})
    return len(parts) - 1


def _tool_started(parts: Parts, payload: dict[str, Any]) -> int:
    return _merge(parts, payload, state=RUNNING)


def _tool_progress(parts: Parts, payload: dict[str, Any]) -> int | None:
    index = _index(parts, payload["id"])
    if index is None or parts[index]["state"] != RUNNING:
        return None
    known = ("done", "total", "message")
    parts[index]["progress"] = {name: payload.get(name) for name in known}
    return index


def _tool_done(parts: Parts, payload: dict[str, Any]) -> int | None:
    index = _index(parts, payload["id"])
    if index is None and "tool" not in payload:
        return None
    # A call that was refused at once has its only event in this.
    index = _merge(parts, payload, state=payload["state"])
    parts[index].pop("progress", None)
    return index


def _approval(parts: Parts, payload: dict[str, Any]) -> int | None:
    if "decision" not in payload:
        return _merge(parts, payload, state="waiting")
    return _decide(parts, payload, _APPROVED[payload["decision"]])


def _input(parts: Parts, payload: dict[str, Any]) -> int | None:
    if "decision" not in payload:
        return _merge(parts, payload, state=payload.get("asks", "form"))
    return _decide(parts, payload, payload["decision"])


def _notice(parts: Parts, payload: dict[str, Any]) -> int | None:
    if payload["level"] != RETRY:
        parts.append({"kind": "notice", **payload})
        return len(parts) - 1
    # What is said from here on does not go on with half a sentence.
    if parts and parts[-1]["kind"] == "text":
        parts[-1]["cut"] = True
    for part in parts:
        if part["kind"] in ("call", "sign_in"):
            part["is_earlier"] = True
    return None


def _done(parts: Parts, payload: dict[str, Any]) -> int | None:
    if payload["state"] not in _ENDED_EARLY:
        return None
    parts.append({"kind": "end", **payload})
    return len(parts) - 1


def _decide(parts: Parts, payload: dict[str, Any], state: str) -> int | None:
    index = _index(parts, payload["id"])
    if index is None:
        return None
    parts[index].update(payload, state=state)
    return index


def _merge(parts: Parts, payload: dict[str, Any], *, state: str) -> int:
    """Update the call that `payload` names, or add it."""
    index = _index(parts, payload["id"])
    if index is None:
        index = len(parts)
        parts.append({"kind": payload.get("part", "call")})
    parts[index].update(payload, state=state)
    return index


def _index(parts: Parts, call_key: str) -> int | None:
    for index, part in enumerate(parts):
        if part.get("id") == call_key:
            return index
    return None


_FOLDS: dict[str, Callable[[Parts, dict[str, Any]], int | None]] = {
    "text": _text,
    "tool_started": _tool_started,
    "tool_progress": _tool_progress,
    "tool_done": _tool_done,
    "approval": _approval,
    "input": _input,
    "notice": _notice,
    "done": _done,
}
