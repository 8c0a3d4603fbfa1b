"""Each fault of the first exchange; what comes before and after is correct."""

import httpx2
import pytest

from demo.hostile import HOSTILE_TEXT, Hostile
from demo.hostile.handshake_faults import FUTURE, HANDSHAKE_FAULTS
from demo.tests.dialling import Session, ask, error, message, post, result

DISCOVER = "server/discover"


def test_discover_fails(hostile: Hostile) -> None:
    answer = ask(hostile.url("discover-error"), DISCOVER)
    assert (answer.status_code, error(answer)["code"]) == (500, -32603)


def test_discover_lacks_the_versions(hostile: Hostile) -> None:
    found = result(ask(hostile.url("discover-bad"), DISCOVER))
    assert "supportedVersions" not in found
    assert "capabilities" in found


def test_discover_is_not_an_object(hostile: Hostile) -> None:
    assert result(ask(hostile.url("discover-not-object"), DISCOVER)) == [1]


def test_discover_is_bare(hostile: Hostile) -> None:
    found = result(ask(hostile.url("discover-bare"), DISCOVER))
    assert set(found) == {"supportedVersions", "capabilities", "instructions"}


@pytest.mark.parametrize("name", ["discover-hangs", "initialize-hangs"])
def test_a_method_hangs(hostile: Hostile, name: str) -> None:
    method = {"discover-hangs": DISCOVER, "initialize-hangs": "initialize"}[name]
    with pytest.raises(httpx2.ReadTimeout):
        ask(hostile.url(name), method, timeout_s=0.1)


@pytest.mark.parametrize(
    "name", ["discover-hangs", "discover-unknown", "discover-legacy"]
)
def test_sessions_work_where_discover_does_not(hostile: Hostile, name: str) -> None:
    session = Session(hostile.url(name))
    assert session.ask("notifications/initialized").status_code == 202
    assert len(result(session.ask("tools/list"))["tools"]) == 2


def test_discover_is_unknown_without_an_http_error(hostile: Hostile) -> None:
    answer = ask(hostile.url("discover-unknown"), DISCOVER)
    assert (answer.status_code, error(answer)["code"]) == (200, -32601)


def test_discover_lists_versions_with_sessions_only(hostile: Hostile) -> None:
    found = result(ask(hostile.url("discover-legacy"), DISCOVER))
    assert found["supportedVersions"] == ["2025-11-25", "2025-06-18"]


def test_every_version_of_today_is_refused(hostile: Hostile) -> None:
    url = hostile.url("unsupported-version")
    for answer in (ask(url, DISCOVER), Session(url).opening):
        assert answer.status_code == 400
        assert error(answer)["code"] == -32022
        assert error(answer)["data"]["supported"] == [FUTURE]


def test_discover_lists_a_version_of_the_future(hostile: Hostile) -> None:
    found = result(ask(hostile.url("discover-other-version"), DISCOVER))
    assert found["supportedVersions"] == [FUTURE]


def test_the_introduction_deceives(hostile: Hostile) -> None:
    found = result(ask(hostile.url("hostile-information"), DISCOVER))
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == HOSTILE_TEXT
    assert len(found["instructions"]) > 4_000


def test_initialize_fails(hostile: Hostile) -> None:
    opening = Session(hostile.url("initialize-error")).opening
    assert (opening.status_code, error(opening)["code"]) == (200, -32603)


def test_initialize_lacks_the_capabilities(hostile: Hostile) -> None:
    assert set(result(Session(hostile.url("initialize-bad")).opening)) == {
        "protocolVersion",
        "serverInfo",
        "instructions",
    }


def test_initialize_agrees_on_a_version_that_never_was(hostile: Hostile) -> None:
    opening = Session(hostile.url("unknown-version")).opening
    assert result(opening)["protocolVersion"] == "1999-12-31"


def test_the_notice_after_initialize_fails(hostile: Hostile) -> None:
    session = Session(hostile.url("initialized-500"))
    assert session.ask("notifications/initialized").status_code == 500
    assert "tools" in result(session.ask("tools/list"))


def test_the_notice_after_initialize_hangs(hostile: Hostile) -> None:
    session = Session(hostile.url("initialized-hangs"))
    notice = message("notifications/initialized")
    assert "tools" in result(session.ask("tools/list"))
    with pytest.raises(httpx2.ReadTimeout):
        post(session.url, notice, session.headers, timeout_s=0.1)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("dies-after-handshake", 500),
        ("html-after-handshake", 200),
        ("401-after-handshake", 401),
    ],
)
def test_it_shakes_hands_first(hostile: Hostile, name: str, status: int) -> None:
    assert result(ask(hostile.url(name), DISCOVER))
    assert ask(hostile.url(name), "tools/list").status_code == status
    session = Session(hostile.url(name, "legacy"))
    assert result(session.opening)
    assert session.ask("notifications/initialized").status_code == 202
    assert session.ask("tools/list").status_code == status


def test_it_shakes_hands_and_hangs_up(hostile: Hostile) -> None:
    url = hostile.url("closes-after-handshake")
    assert result(ask(url, DISCOVER))
    with pytest.raises(httpx2.RemoteProtocolError):
        ask(url, "tools/list")


def test_it_says_that_it_has_no_tools(hostile: Hostile) -> None:
    url = hostile.url("no-tools-capability")
    assert result(ask(url, DISCOVER))["capabilities"] == {}
    assert error(ask(url, "tools/list"))["code"] == -32601
    session = Session(hostile.url("no-tools-capability", "legacy"))
    assert result(session.opening)["capabilities"] == {}
    assert error(session.ask("tools/list"))["code"] == -32601


def test_every_fault_says_what_it_does() -> None:
    assert all(fault.about for fault in HANDSHAKE_FAULTS.values())
