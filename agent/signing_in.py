"""Let a turn wait until the person has signed in to a connector.

A call waits with its arguments, and is made after the sign-in. Something that was
picked waits without a call: then the answer begins after it.
"""

import uuid
from functools import partial
from typing import Any

from agent import sign_in_asks
from agent.models import Enforcement, Turn
from agent.questions import Subject
from agent.sources import Absent
from agent.work import Ending, Work
from connectors.errors import SignInRequired

_ASKS = {"asks": "sign_in", "input_kind": "url"}


async def for_call(
    work: Work, *, subject: Subject, about: dict[str, Any], error: SignInRequired
) -> None:
    """Let the call that `about` describes wait: `error` says for what.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    is_usual = error.message == SignInRequired.message
    question = partial(
        _ask,
        key=about["id"],
        connector_id=error.connector_id or 0,
        sealed=subject.sealed(about["arguments"]),
    )
    reason = "" if is_usual else error.message
    shown = {**about, **_ASKS, "reason": reason}
    await work.journal.emit("input", also=question, **shown)


async def for_pick(work: Work, absent: Absent) -> Ending:
    """Let what was picked of `absent` wait; return how this attempt ends.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    key = uuid.uuid4().hex
    question = partial(
        _ask, key=key, connector_id=int(absent.ref), sealed={"pick": str(work.pick)}
    )
    about = {
        "id": key,
        "part": "sign_in",
        "source": absent.source,
        "ref": absent.ref,
        "connector": absent.label,
        "label": absent.label,
        "reason": "",
    }
    await work.journal.emit("input", also=question, **about, **_ASKS)
    return Ending(state="waiting", enforcement=Enforcement.APPROVAL)


def _ask(
    turn: Turn, *, key: str, connector_id: int, sealed: dict[str, Any]
) -> dict[str, Any]:
    return sign_in_asks.ask(
        turn, call_key=key, connector_id=connector_id, sealed=sealed
    )
