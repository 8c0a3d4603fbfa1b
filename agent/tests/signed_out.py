"""Connectors that wait for a sign-in, and the sign-in itself as its rows leave it."""

from asgiref.sync import async_to_sync

from accounts.models import User
from agent import conversations, sign_ins
from agent.models import InputRequest
from agent.tests import chatting
from agent.tests.chatting import Said
from connectors.models import AuthType, Status, UserMCPConnection
from connectors.tests import verbs


def connector(
    user: User, url: str, name: str = "Notes", *, status: str = Status.SIGN_IN_AGAIN
) -> UserMCPConnection:
    """A connector whose tools are known, and whose permission has ended."""
    return sign_out(verbs.add(user, url, name), status=status)


def sign_out(
    row: UserMCPConnection, *, status: str = Status.SIGN_IN_AGAIN
) -> UserMCPConnection:
    row.auth_type, row.status, row.is_verified = AuthType.OAUTH, status, False
    row.save()
    return row


def sign_in(user: User, row: UserMCPConnection) -> None:
    """Sign in; whoever waits for it goes on."""
    row.auth_type, row.status, row.is_verified = AuthType.NONE, Status.READY, True
    row.save()
    go_on(user, row)


def go_on(user: User, row: UserMCPConnection) -> None:
    async_to_sync(sign_ins.go_on)(user_id=user.pk, connector_id=row.pk)


def decline(user: User, said: Said) -> Said:
    """Say no on the one card that waits."""
    request = InputRequest.objects.get(turn=said.turn, state="pending")
    turn = async_to_sync(conversations.decline)(user_id=user.pk, input_id=request.pk)
    return chatting.as_it_is(turn)
