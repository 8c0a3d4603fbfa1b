"""A person with one server: they connect it, then use every tool it has.

They do what the pages do for people, by the same functions, and know nothing that the
scenario does not tell everybody. Forms are sent as they are shown, filled in already.
"""

import sys
from dataclasses import dataclass
from typing import Any, Self, TextIO
from urllib.parse import urlsplit

from accounts.models import User
from bench.conformance import browser, wishes
from connectors import calls, manager, sign_in
from connectors.client_identity import redirect_uri
from connectors.elicitation import InputAnswer, InputAsk
from connectors.errors import (
    ConnectorError,
    InvalidInput,
    ServerError,
    SignInFailed,
    SignInRequired,
)
from connectors.models import UserMCPConnection, Via

# What the page of the test answers with a button to sign in.
SIGN_IN = frozenset({"AUTH_REQUIRED", "AUTH_FAILED"})
# How often a person signs in for one call before they have had enough.
SIGN_INS = 3


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
            await self._use(connector, wish)

    async def _connect(self) -> UserMCPConnection:
        report = await manager.test(
            user_id=self.user.pk,
            server_url=self.url,
            auth_type="none",
            auth_config=None,
        )
        result = report.result
        self._tell(f"Test: {result.error_code or 'passed'}, {len(result.tools)} tools.")
        if result.error_code in SIGN_IN:
            return await self._sign_in_first()
        if not result.success:
            raise GivesUp(f"{result.error_message} {result.suggestion}")
        return await manager.add(
            user_id=self.user.pk,
            name=None,
            server_url=self.url,
            test_ticket=report.ticket,
        )

    async def _sign_in_first(self) -> UserMCPConnection:
        entered: dict[str, Any] = {
            field: self.context[field]
            for field in ("client_id", "client_secret")
            if field in self.context
        }
        draft = await sign_in.prepare(
            user_id=self.user.pk, server_url=self.url, auth_config=entered or None
        )
        return await self._sign_in(draft_id=draft.pk)

    async def _sign_in(self, **what: int) -> UserMCPConnection:
        """Sign in; press *Try Again* once, should it lead to the page that offers it.

        Raises:
            GivesUp: it led nowhere.
        """
        try:
            try:
                return await self._there_and_back(**what)
            except SignInFailed as failure:
                self._tell(f"{failure} Try Again.")
                return await self._there_and_back(**what)
        except (ConnectorError, browser.Stranded) as failure:
            raise GivesUp(str(failure)) from failure

    async def _there_and_back(
        self, *, connector_id: int | None = None, draft_id: int | None = None
    ) -> UserMCPConnection:
        """Go to the provider and come back, as often as we are sent there.

        Raises:
            ConnectorError, browser.Stranded: it led nowhere.
        """
        user_id, session = self.user.pk, self.user.username
        started = await sign_in.start(
            user_id=user_id,
            session_key=session,
            connector_id=connector_id,
            draft_id=draft_id,
        )
        url = started.authorization_url
        while True:
            self._tell(f"Sign-in at {urlsplit(url).netloc}.")
            params = await browser.visit(url, until=redirect_uri())
            finished = await sign_in.finish(
                user_id=user_id, session_key=session, params=params
            )
            if finished.connector is not None:
                return finished.connector
            url = finished.authorization_url

    async def _use(self, connector: UserMCPConnection, wish: wishes.Wish) -> None:
        """Call a tool; sign in again where that is asked for, and call it then."""
        for _ in range(SIGN_INS):
            try:
                return await self._call(connector, wish)
            except SignInRequired as asked:
                self._tell(f"{wish.tool}: {asked}")
            await self._sign_in(connector_id=connector.pk)
        raise GivesUp("It asks to sign in again and again.")

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
        except SignInRequired:
            raise
        except (InvalidInput, ServerError) as refusal:
            # The form does not fit, or the server says no: it is shown, no more.
            self._tell(f"{wish.tool}: {refusal}")
        except ConnectorError as failure:
            raise GivesUp(f"{wish.tool}: {failure}") from failure
        else:
            self._tell(f"{wish.tool}: {result.content}")

    async def _answer(self, ask: InputAsk) -> InputAnswer:
        """Send the form as it was shown."""
        self._tell(f"{ask.origin} asks: {ask.message}")
        return InputAnswer(action="accept", content=ask.prefilled())

    def _tell(self, line: str) -> None:
        print(line, file=self.story)
        print(f"{self.user.username} {self.scenario}: {line}", file=sys.stderr)
