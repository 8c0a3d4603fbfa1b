from datetime import date

import pytest

from demo.fixtures import DemoServer
from demo.rota import ROTA, Team, shift_on
from demo.tests.dialling import http, sse


async def test_it_is_served_over_two_connections(sse_server: DemoServer) -> None:
    async with sse(sse_server.url) as client:
        assert client.protocol_version == "2025-11-25"
        offered = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool(
            "who_is_on_call", {"team": "platform", "day": "2026-01-06"}
        )
    assert offered == ["who_is_on_call", "list_teams"]
    assert result.structured_content == {
        "team": "platform",
        "person": "Priya Nair",
        "starts": "2026-01-05",
        "ends": "2026-01-11",
    }


async def test_today_is_the_day_when_none_is_named(sse_server: DemoServer) -> None:
    async with sse(sse_server.url) as client:
        result = await client.call_tool("who_is_on_call", {"team": "support"})
        teams = await client.call_tool("list_teams", {})
    assert result.structured_content
    assert result.structured_content["person"] in ROTA["support"]
    assert "booking: Jonas Weber, Elif Kaya, Aiko Tanaka" in str(teams.content)


def test_it_does_not_speak_streamable_http(sse_server: DemoServer) -> None:
    with http() as client:
        assert client.post(sse_server.url, json={}).status_code == 405


@pytest.mark.parametrize("team", ROTA)
def test_people_take_turns_by_the_week(team: Team) -> None:
    days = [date(2026, 3, 2 + 7 * week) for week in range(3)]
    people = [shift_on(team, day).person for day in days]
    assert people[1] != people[0]
    assert set(people) == set(ROTA[team])
    sunday = shift_on(team, date(2026, 3, 8))
    assert sunday.person == people[0]
    assert sunday.ends == date(2026, 3, 8)


def test_days_before_the_first_shift_have_a_shift_too() -> None:
    shift = shift_on("platform", date(2025, 12, 31))
    assert shift.starts == date(2025, 12, 29)
