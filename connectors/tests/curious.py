"""A server of the SDK whose tools ask the person, and a person who answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel, Field

from connectors.elicitation import InputAnswer, InputAsk, Value

PAGE = "https://pay.example.com/orders/7?token=t"


class Seat(BaseModel):
    row: int = Field(default=12, description="Which row.")
    window: bool = True


class Meal(BaseModel):
    meal: str = "soup"


def ask_seat() -> Elicit[Seat]:
    return Elicit("Which seat?", Seat)


def ask_meal(seat: Annotated[Seat, Resolve(ask_seat)]) -> Elicit[Meal]:
    return Elicit(f"Which meal in row {seat.row}?", Meal)


def build() -> MCPServer:
    """Make the server: it speaks 2026-07-28 and the versions with sessions."""
    server: MCPServer = MCPServer("curious", log_level="CRITICAL")

    @server.tool()
    def book(seat: Annotated[Seat, Resolve(ask_seat)]) -> str:
        return f"row {seat.row}, window {seat.window}"

    @server.tool()
    def dine(meal: Annotated[Meal, Resolve(ask_meal)]) -> str:
        return meal.meal

    @server.tool()
    async def pay(ctx: Context) -> str:
        answer = await ctx.elicit_url("Pay for it.", PAGE, "e-1")
        return answer.action

    @server.tool()
    async def whisper(ctx: Context) -> str:
        """Ask on the stream of no request, as some servers do."""
        schema = Seat.model_json_schema()
        answer = await ctx.session.elicit_form("Which seat?", schema)
        return f"{answer.action} {answer.content}"

    return server


@dataclass
class Person:
    """Answers as `reply` says: by default, with the form as it is."""

    reply: Callable[[InputAsk], InputAnswer] | None = None
    asked: list[InputAsk] = field(default_factory=list)

    async def __call__(self, ask: InputAsk) -> InputAnswer:
        self.asked.append(ask)
        return self.reply(ask) if self.reply else accept(ask)


def accept(ask: InputAsk, **changed: Value) -> InputAnswer:
    return InputAnswer(action="accept", content={**ask.prefilled(), **changed})


def declined(_: Any) -> InputAnswer:
    return InputAnswer(action="decline")
