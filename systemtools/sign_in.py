"""What a sign-in to a system tool leads to in this room."""

from asgiref.sync import sync_to_async

from systemtools import manager


async def note(
    *, user_id: int, connector_id: int | None = None, system_tool: str = ""
) -> None:
    """Note that a person has signed in to a tool; a connector is none of ours."""
    if system_tool:
        await sync_to_async(manager.mark_connected)(
            user_id=user_id, tool_id=system_tool
        )
