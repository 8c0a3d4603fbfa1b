"""A person with one server: they connect it, then use every tool it has.

They do what the pages do for people, by the same functions, and know nothing that the
scenario does not tell everybody. Forms are sent as they are shown, filled in already.
"""

import sys
from dataclasses import dataclass
from typing import Any, Self, TextIO

from accounts.models import User
from bench.conformance import wishes
from connectors import calls, manager
from connectors.elicitation import InputAnswer, InputAsk
from connectors.errors import ConnectorError, InvalidInput, ServerError
from connectors.models import UserMCPConnection, Via


class GivesUp(Exception):
    """The person cannot go on; the message is what they were told."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who was given an address."""

    user: User
    url: str
    scenario: str
    context: dict[str, Any]
    story: TextIO

    @classmethod
    async def new(cls, name: str, story: TextIO, task: dict[str, Any]) -> Self:
        user = await User.objects.acreate_user(name)
        return cls(user=user, story=story, **task)

    async def walk(self) -> None:
        """Connect the server and use it.

        Raises:
            GivesUp: it cannot be connected, or a call did not come back.
        """
        connector = await self._connect()
        for wish in wishes.of(self.scenario, self.context, connector.discovered_tools):
            await self._call(connector, wish)

    async def _connect(self) -> UserMCPConnection:
        report = await manager.test(
            user_id=self.user.pk,
            server_url=self.url,
            auth_type="none",
            auth_config=None,
        )
        result = report.result
        self._tell(f"Test: {result.error_code or 'passed'}, {len(result.tools)} tools.")
        if not result.success:
            raise GivesUp(f"{result.error_message} {result.suggestion}")
        return await manager.add(
            user_id=self.user.pk,
            name=None,
            server_url=self.url,
            test_ticket=report.ticket,
        )

    async def _call(self, connector: UserMCPConnection, wish: wishes.Wish) -> None:
        try:
            result = await calls.call_tool(
                user_id=self.user.pk,
                username=self.user.username,
                connector_id=connector.pk,
                tool=wish.tool,
                arguments=wish.arguments,
                via=Via.PAGE,
                on_input=self._answer,
            )
        except (InvalidInput, ServerError) as refusal:
            # The form does not fit, or the server says no: it is shown, no more.
            self._tell(f"{wish.tool}: {refusal}")
            return
        except ConnectorError as failure:
            self._tell(f"{wish.tool}: {failure}")
            raise GivesUp(str(failure)) from failure
        self._tell(f"{wish.tool}: {result.content}")

    async def _answer(self, ask: InputAsk) -> InputAnswer:
        """Send the form as it was shown."""
        self._tell(f"{ask.origin} asks: {ask.message}")
        return InputAnswer(action="accept", content=ask.prefilled())

    def _tell(self, line: str) -> None:
        print(line, file=self.story)
        print(f"{self.user.username} {self.scenario}: {line}", file=sys.stderr)
