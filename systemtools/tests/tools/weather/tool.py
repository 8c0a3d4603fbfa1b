"""A weather station, with a key that is secret and a town that is not."""

from typing import Annotated

from pydantic import BaseModel, Field

from systemtools.base import SystemTool, tool


class Weather(SystemTool):
    id = "weather"
    name = "Weather"
    description = "What the sky does."
    category = "Tests"
    auth_type = "config"

    class Config(BaseModel):
        town: Annotated[str, Field(min_length=1)]
        days: int = 3
        key: Annotated[str, Field(min_length=4, json_schema_extra={"secret": True})]

    @tool(title="Forecast", reads_only=True)
    async def forecast(self) -> str:
        """Tell what the sky will do."""
        return f"{self.config.town}, {self.config.days} days, {len(self.config.key)}"
