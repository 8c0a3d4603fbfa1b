"""What goes on once a person has signed in to a connector or a system tool."""

from asgiref.sync import sync_to_async

from agent import runner, sign_in_asks
from agent.journal import wake
from connectors import pools
from connectors.models import Source


async def go_on(
    *, user_id: int, connector_id: int | None = None, system_tool: str = ""
) -> None:
    """Go on with every answer of the person that waited for this sign-in.

    To the connector, or to the system tool.

    Calls are made with what was stored when they began to wait. Whoever shows the
    conversations is told, in whatever process that is.
    """
    source, ref = str(Source.SYSTEM), system_tool
    if connector_id is not None:
        source, ref = str(Source.CONNECTOR), str(connector_id)
    answered = await sync_to_async(sign_in_asks.answer)(
        user_id=user_id, source=source, ref=ref
    )
    await pools.release_db()
    for turn in answered:
        await wake(turn.conversation_id)
        await runner.launch(turn.pk)
