"""The promise of the pick, cell by cell: every model, every pick, by two faces."""

from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from agent.models import TurnEvent
from agent.tests import enforcement_matrix as matrix
from agent.tests.chatkit_saying import FACES
from agent.tests.chatting import Said, pick
from agent.tests.fake_llm import FakeLlm
from agent.tool_types import Pick
from connectors.models import AuthType, Outcome, Status, ToolCall, UserMCPConnection
from connectors.tests import rows, verbs
from demo.fixtures import DemoServer

pytestmark = pytest.mark.usefixtures("allow_loopback")

WORDS = "release"


@pytest.fixture
def picks(
    alice: User, notes_server: DemoServer, closed_url: str, settings: Settings
) -> dict[str, Pick]:
    settings.RETRY_DELAY_S = 0.01
    settings.CONNECT_TIMEOUT_S = 0.5
    notes = verbs.add(alice, notes_server.url, "Notes")

    def like_notes(name: str, **changes: object) -> UserMCPConnection:
        return rows.connector(
            alice,
            slot=alice.connectors.count() + 1,
            name=name,
            server_url=closed_url,
            discovered_tools=notes.discovered_tools,
            tool_count=notes.tool_count,
            **changes,
        )

    dead = like_notes("Dead")
    away = like_notes(
        "Away", status=Status.UNREACHABLE, last_error_code="CONNECTION_FAILED"
    )
    signed_out = like_notes(
        "Signed out",
        auth_type=AuthType.OAUTH,
        status=Status.SIGN_IN_AGAIN,
        is_verified=False,
    )
    paused = like_notes("Paused", is_active=False)
    gone = like_notes("Gone")
    deleted = pick(gone, "search_notes")
    gone.delete()
    return {
        "reads": pick(notes, "search_notes"),
        "asks": pick(notes, "delete_note"),
        "whole": pick(notes),
        "form": pick(notes, "add"),
        "fails": pick(notes, "fail"),
        "dead": pick(dead, "search_notes"),
        "away": pick(away),
        "signed-out": pick(signed_out),
        "paused": pick(paused, "search_notes"),
        "gone": deleted,
    }


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("model", matrix.ROWS)
def test_a_pick_ends_as_it_is_promised(
    alice: User,
    llm: FakeLlm,
    settings: Settings,
    picks: dict[str, Pick],
    model: str,
    face: str,
) -> None:
    settings.LLM_MODEL = "" if model == "direct" else model
    if model.startswith("hang"):
        # The others answer: what they make of it is no matter of time.
        settings.LLM_TIMEOUT_S = 0.3
    say = FACES[face]
    said = {name: say(alice, WORDS, picks[name]) for name in matrix.COLUMNS}
    observed = {name: str(one.turn.enforcement) for name, one in said.items()}
    assert observed == matrix.expected(model)
    for one in said.values():
        CHECKS[str(one.turn.enforcement)](one)


def used(said: Said) -> None:
    """It was called, and nothing was said before."""
    evidence = ToolCall.objects.get(conversation_id=said.turn.conversation_id)
    assert evidence.outcome in (Outcome.OK, Outcome.TOOL_ERROR)
    (call,) = [call for call in said.calls if call["state"] == "done"]
    assert call["name"] == f"notes__{evidence.tool}"
    kinds = [event.kind for event in TurnEvent.objects.filter(turn=said.turn)]
    if "text" in kinds:
        assert kinds.index("tool_done") < kinds.index("text")
    assert said.turn.state in ("done", "failed")


def waits(said: Said) -> None:
    """Nothing was called, nothing is said: the person is asked."""
    assert said.turn.state == "waiting"
    assert not said.text
    assert not ToolCall.objects.filter(conversation_id=said.turn.conversation_id)
    asked = [part for part in said.parts if "state" in part]
    assert asked[-1]["state"] in ("waiting", "form", "sign_in")


def refused(said: Said) -> None:
    """A sentence, and no other answer."""
    assert said.turn.state == "done"
    assert not said.text
    (told,) = [one for one in said.notices if one["level"] == "bad"]
    assert told["text"]
    assert told["code"]


def failed(said: Said) -> None:
    assert said.turn.state == "failed"
    assert said.turn.error_code
    assert not said.text
    assert not ToolCall.objects.filter(conversation_id=said.turn.conversation_id)
    assert said.parts[-1]["message"]


CHECKS = {
    "used": used, "form": waits, "approval": waits, "refused": refused, "error": failed
}  # fmt: skip


def test_the_page_is_what_was_observed(project_root: Path) -> None:
    page = project_root / "docs" / "enforcement.md"
    assert page.read_text() == matrix.page()


def test_every_cell_is_filled() -> None:
    endings = {"used", "form", "approval", "refused", "error"}
    for model in matrix.ROWS:
        assert set(matrix.expected(model).values()) <= endings
