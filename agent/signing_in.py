"""Let a turn wait until the person has signed in to a connector or a system tool.

A call waits with its arguments, and is made after the sign-in. Something that was
picked waits without a call: then the answer begins after it.
"""

import uuid
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async

from agent import sign_in_asks
from agent.absent import Absent
from agent.models import Enforcement
from agent.questions import Subject
from agent.work import Ending, Work
from connectors import pools
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
        sign_in_asks.ask,
        call_key=about["id"],
        source=subject.source,
        ref=subject.ref,
        sealed=subject.sealed(about["arguments"]),
    )
    reason = "" if is_usual else error.message
    shown = {**about, **_ASKS, "reason": reason}
    await work.journal.emit("input", also=question, **shown)
    await _look_again(work, about["id"], source=subject.source, ref=subject.ref)


async def for_pick(work: Work, absent: Absent) -> Ending:
    """Let what was picked of `absent` wait; return how this attempt ends.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    key = uuid.uuid4().hex
    question = partial(
        sign_in_asks.ask,
        call_key=key,
        source=absent.source,
        ref=absent.ref,
        sealed={"pick": str(work.pick)},
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
    await _look_again(work, key, source=absent.source, ref=absent.ref)
    return Ending(state="waiting", enforcement=Enforcement.APPROVAL)


async def _look_again(work: Work, key: str, *, source: str, ref: str) -> None:
    """Go on at once if the person signed in while it was found out that they must.

    Once: a server that refuses what it has just granted is not asked again and again.
    """
    part = next(part for part in work.parts if part.get("id") == key)
    if part.get("decision") == sign_in_asks.SIGNED_IN:
        return
    where: dict[str, Any] = {
        "user_id": work.caller.user_id,
        "source": source,
        "ref": ref,
    }
    if await sync_to_async(sign_in_asks.is_made)(**where):
        await sync_to_async(sign_in_asks.answer)(**where)
    await pools.release_db()
