"""Calls that were made before an answer was tried again, and are not made twice. Pure.

A model that is asked again may well want the same again. What came of it is known,
or is known to be unknown.
"""

from typing import Any

from agent.parts import Part, Parts, calls_in
from connectors.models import Outcome

MADE_BEFORE = "This call was made before the answer broke off, and is not repeated."
# What makes two calls the same, and what is known of the first.
_SAME = ("source", "ref", "tool", "arguments")
_KNOWN = (
    "call_id", "state", "outcome", "error_code", "duration_ms", "summary", "model_text"
)  # fmt: skip


def made_before(parts: Parts, about: dict[str, Any]) -> Part | None:
    """Return the same call as `about`, if it left before the answer was tried again.

    It stands for one more call: who asks for two wants two. One whose outcome nobody
    knows stands for all of them.
    """
    used = {part["repeats"] for part in calls_in(parts) if "repeats" in part}
    for part in calls_in(parts, "done", "unknown"):
        is_same = all(part[name] == about[name] for name in _SAME)
        left = part.get("is_earlier") and part["outcome"] != Outcome.NOT_SENT
        is_due = part["state"] == "unknown" or part["id"] not in used
        if is_same and left and is_due:
            return part
    return None


def answered(about: dict[str, Any], earlier: Part) -> dict[str, Any]:
    """Return what is stored of a call that `earlier` stands for."""
    known = {name: earlier[name] for name in _KNOWN if name in earlier}
    return {**about, **known, "message": MADE_BEFORE, "repeats": earlier["id"]}
