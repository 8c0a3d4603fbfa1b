"""The socket of a conversation: it only tells what is new, and takes no orders.

It reads the database, at once when somebody says that there is something, else every
few seconds: what a channel layer loses comes a little later, and nothing comes twice.

Close codes: 4401 not signed in any more, 4404 no such conversation of this person,
4429 this person has too many open.
"""

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from agent import fragments, hearing, runner
from agent.following import Follower
from agent.models import Conversation
from agent.places import Place

log = structlog.get_logger(__name__)

open_sockets: Counter[int] = Counter()

SIGNED_OUT: Final = 4401
GONE: Final = 4404
TOO_MANY: Final = 4429
FAILED: Final = 1011
# Of one person, in one process; each asks the database every few seconds.
SOCKETS_PER_PERSON: Final = 40
# How long nobody looks unasked: while an answer is written, and else.
AT_WORK_S: Final = 2.0
IDLE_S: Final = 5.0
# For as many times as long as drawing took, nothing is drawn.
RESTS: Final = 2


class ChatConsumer(AsyncWebsocketConsumer):
    """Tells one page of one person what is new in one conversation."""

    # None of Channels' own: that would end the socket when the layer fails.
    channel_layer_alias = "none"

    async def connect(self) -> None:
        # Refused before it is accepted, a browser is not told why, and tries again.
        await self.accept()
        given = {
            name: values[-1]
            for name, values in parse_qs(self.scope["query_string"].decode()).items()
        }
        self.user_id: int | None = self.scope["user"].pk
        self.conversation_id = _number(given.get("conversation", ""))
        self.follower = Follower(
            conversation_id=self.conversation_id,
            since=Place.read(given.get("after", "")),
            state=given.get("state", ""),
        )
        self.is_called = asyncio.Event()
        self.checked_at = time.monotonic()
        self.tasks: list[asyncio.Task[None]] = []
        if self.user_id is None:
            await self.close(SIGNED_OUT)
        elif not await self._is_owned():
            await self.close(GONE)
        elif open_sockets[self.user_id] >= SOCKETS_PER_PERSON:
            await self.close(TOO_MANY)
        else:
            open_sockets[self.user_id] += 1
            listening = hearing.listen(self.conversation_id, self.is_called)
            works = (listening, self._follow())
            self.tasks = [asyncio.create_task(work) for work in works]

    async def disconnect(self, code: int) -> None:
        if not self.tasks:
            return
        open_sockets[self.user_id or 0] -= 1
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)

    async def _follow(self) -> None:
        try:
            code = await self._tell_until_it_ends()
        except Exception:
            # The outermost edge: the page connects again.
            log.exception("chat.socket_failed", conversation_id=self.conversation_id)
            code = FAILED
        await self.close(code)

    async def _tell_until_it_ends(self) -> int:
        """Tell what is new for as long as the person may know; return why not."""
        while True:
            self.is_called.clear()
            if not await self._is_signed_in():
                return SIGNED_OUT
            began = time.monotonic()
            content = await _in_a_thread(self._news)()
            drawn_s = time.monotonic() - began
            if content:
                await self.send(text_data=content)
                # A long answer is drawn anew with each word: not all the time.
                await asyncio.sleep(RESTS * drawn_s)
            elif not await self._is_owned():
                return GONE
            wait_s = AT_WORK_S if self.follower.is_at_work else IDLE_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.is_called.wait()
            if self.follower.is_at_work and not self.is_called.is_set():
                # Nothing for a while: maybe who wrote the answer is gone.
                await runner.reap(conversation_id=self.conversation_id)

    def _news(self) -> str:
        news = self.follower.look()
        if news is None:
            return ""
        drawn = fragments.render(news, conversation_id=self.conversation_id)
        message = {
            "content": drawn,
            "target": "#thread",
            "swap": "none",
            "since": news.since,
            "at": news.at,
            "state": news.state,
        }
        return json.dumps(message)

    async def _is_owned(self) -> bool:
        owned = Conversation.objects.owned_by(self.user_id or 0)
        found = owned.filter(pk=self.conversation_id)
        return bool(await _in_a_thread(found.exists)())

    async def _is_signed_in(self) -> bool:
        """Tell whether the session that opened this socket is still there."""
        if time.monotonic() - self.checked_at < AT_WORK_S:
            return True
        self.checked_at = time.monotonic()
        store = import_module(settings.SESSION_ENGINE).SessionStore
        session = store(self.scope["session"].session_key)
        user = await get_user({"session": session})
        return bool(user.pk == self.user_id)


def _in_a_thread(function: Any) -> Any:
    """Run what reads the database beside what others read; close what it opened."""
    return database_sync_to_async(function, thread_sensitive=False)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0
