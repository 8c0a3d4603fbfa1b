"""A diary: one method for each way in which a call can end."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from connectors.errors import ConnectionFailed
from systemtools.base import SystemTool, ToolError, tool


class Entry(BaseModel):
    day: date
    text: str


class Diary(SystemTool):
    id = "diary"
    name = "Diary"
    description = "What happened, day by day."
    icon = "book"
    category = "Tests"
    is_beta = True

    @tool(title="Write down")
    async def write(
        self,
        text: Annotated[str, Field(min_length=1, description="what happened")],
        day: date | None = None,
        mood: Literal["good", "bad"] = "good",
        copy: Annotated[int, Field(ge=1, le=3)] = 1,
    ) -> Entry:
        """Write down what happened."""
        await self.context.progress(1, 2, "the pen is found")
        day = day or date(2026, 1, 1)
        return Entry(day=day, text=f"{self.context.username}: {text} ({mood}) x{copy}")

    @tool(title="Read", reads_only=True)
    async def read(self) -> str:
        """Read all of it."""
        return "Dear diary"

    @tool(title="Count", reads_only=True)
    async def count(self) -> dict[str, Any]:
        """Count the entries of each day."""
        return {"days": [{"day": date(2026, 1, 1), "entries": 2}]}

    @tool(title="Burn", destructive=True)
    async def burn(self) -> None:
        """Burn it."""
        raise ToolError("It does not burn: it is wet.")

    @tool(title="Wait for the reader", reads_only=True)
    async def wait(self) -> str:
        """Wait for somebody who does not come."""
        return await self._never()

    @tool(title="Lend")
    async def lend(self) -> str:
        """Lend it to somebody who does not give it back."""
        return await self._never()

    @tool(title="Tear", reads_only=True)
    async def tear(self) -> str:
        """Tear a page, by mistake."""
        raise ValueError("secret thoughts")

    @tool(title="Smear")
    async def smear(self) -> str:
        """Smear a page, by mistake."""
        raise ValueError("secret thoughts")

    @tool(title="Post")
    async def post(self) -> str:
        """Post it to a house that is not there."""
        raise ConnectionFailed

    @tool(title="Fill", reads_only=True)
    async def fill(self, size: int) -> str:
        """Fill pages."""
        return "x" * size

    @tool(title="Sing", reads_only=True)
    async def sing(self) -> object:
        """Sing, which is neither text nor JSON."""
        return object()

    async def _never(self) -> str:
        await self.context.progress(0, None, "begun")
        await asyncio.Event().wait()
        return ""
