"""The *On-call rota* server: speaks the older HTTP+SSE transport only."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

type Team = Literal["platform", "booking", "support"]

ROTA: dict[Team, tuple[str, ...]] = {
    "platform": ("Priya Nair", "Jonas Weber"),
    "booking": ("Jonas Weber", "Elif Kaya", "Aiko Tanaka"),
    "support": ("Elif Kaya", "Tomás Rivera", "Maya Lindqvist"),
}
# A Monday: shifts start at the beginning of a week.
FIRST_SHIFT = date(2026, 1, 5)
LOOKS_UP = ToolAnnotations(
    read_only_hint=True, idempotent_hint=True, open_world_hint=False
)


class Shift(BaseModel):
    team: Team
    person: str
    starts: date
    ends: date


def shift_on(team: Team, day: date) -> Shift:
    """Find who is on call for a team on a day."""
    week = (day - FIRST_SHIFT).days // 7
    starts = FIRST_SHIFT + timedelta(weeks=week)
    people = ROTA[team]
    return Shift(
        team=team,
        person=people[week % len(people)],
        starts=starts,
        ends=starts + timedelta(days=6),
    )


def build() -> MCPServer:
    """Make a rota server; serve its `sse_app()`."""
    server: MCPServer = MCPServer(
        "on-call-rota",
        title="On-call rota",
        version="1.0.0",
        instructions="Who to wake up, and who to leave in peace.",
        log_level="WARNING",
    )

    @server.tool(title="Who is on call", annotations=LOOKS_UP)
    def who_is_on_call(
        team: Annotated[Team, Field(description="The team that is needed.")],
        day: Annotated[
            date | None, Field(description="The day; today when left out.")
        ] = None,
    ) -> Shift:
        """Say who answers the phone for a team."""
        return shift_on(team, day or datetime.now(UTC).date())

    @server.tool(title="List the teams", annotations=LOOKS_UP, structured_output=False)
    def list_teams() -> str:
        """List the teams and the people who take turns."""
        return "\n".join(f"{team}: {', '.join(names)}" for team, names in ROTA.items())

    return server
