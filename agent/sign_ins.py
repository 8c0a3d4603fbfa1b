"""What goes on once a person has signed in to a connector."""

from asgiref.sync import sync_to_async

from agent import runner, sign_in_asks
from agent.journal import wake
from connectors import pools


async def go_on(*, user_id: int, connector_id: int) -> None:
    """Go on with every answer of the person that waited for this sign-in.

    Calls are made with what was stored when they began to wait. Whoever shows the
    conversations is told, in whatever process that is.
    """
    answered = await sync_to_async(sign_in_asks.answer)(
        user_id=user_id, connector_id=connector_id
    )
    await pools.release_db()
    for turn in answered:
        await wake(turn.conversation_id)
        await runner.launch(turn.pk)
