"""Hear that there is something new in a conversation, in whatever process it came up.

A channel layer can fail and lose what it was told: whoever listens looks unasked, too.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

from channels.layers import get_channel_layer

from agent import journal

# How long until a layer that failed is asked again.
LISTEN_AGAIN_S: Final = 5.0


async def listen(conversation_id: int, heard: asyncio.Event) -> None:
    """Set `heard` whenever somebody says that there is news, until cancelled."""
    layer = get_channel_layer()
    group = journal.group(conversation_id)
    while True:
        try:
            channel = await layer.new_channel()
            await layer.group_add(group, channel)
            journal.layer_works(layer)
            await _hear(layer, group, channel, heard)
        except Exception as failure:  # noqa: BLE001 - of whatever a layer is made
            journal.layer_fails(layer, failure)
        await asyncio.sleep(LISTEN_AGAIN_S)


async def _hear(layer: Any, group: str, channel: str, heard: asyncio.Event) -> None:
    try:
        # What happened before this was said to nobody.
        heard.set()
        while True:
            await layer.receive(channel)
            heard.set()
    finally:
        with suppress(Exception):
            await layer.group_discard(group, channel)
