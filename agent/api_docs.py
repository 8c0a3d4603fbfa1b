"""What the OpenAPI document says about each operation of `agent.api`.

`x-errors` are the codes that are the operation's own, as in `connectors.api_docs`.
"""

from collections.abc import Callable
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema

from agent import serializers
from connectors.serializers import DeletedSerializer

type View = Callable[..., Any]

NO_APPROVALS: Final = (
    "What waits for the person is in `pending`; `approval_url` is the page where they "
    "answer. There is no operation that answers: a program with a token must not "
    "approve what it asked for itself."
)


def _operation(
    tag: str, summary: str, *, errors: tuple[str, ...] = (), **schema: Any
) -> Callable[[View], View]:
    return extend_schema(
        summary=summary,
        tags=[tag],
        extensions={"x-errors": list(errors)},
        **schema,
    )


def _sends(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


list_apps = _operation(
    "apps",
    "List what the agent can use",
    methods=["GET"],
    operation_id="list_apps",
    description="The Apps menu: from what is stored, nobody is dialled.",
    responses=serializers.AppsSerializer,
)
list_conversations = _operation(
    "conversations",
    "List your conversations, the newest first",
    methods=["GET"],
    operation_id="list_conversations",
    parameters=[serializers.PageSerializer],
    responses=serializers.ConversationListSerializer,
    errors=("INVALID_INPUT",),
)
add_conversation = _operation(
    "conversations",
    "Begin a conversation",
    methods=["POST"],
    operation_id="add_conversation",
    request=serializers.ConversationInputSerializer,
    responses={201: serializers.ConversationSerializer},
    examples=[_sends("request", {"title": "Notes of the week"})],
)
read_conversation = _operation(
    "conversations",
    "Read a conversation",
    methods=["GET"],
    operation_id="read_conversation",
    responses=serializers.ConversationSerializer,
    errors=("NOT_FOUND",),
)
change_conversation = _operation(
    "conversations",
    "Rename a conversation",
    methods=["PATCH"],
    operation_id="change_conversation",
    request=serializers.ConversationChangesSerializer,
    responses=serializers.ConversationSerializer,
    errors=("NOT_FOUND",),
)
delete_conversation = _operation(
    "conversations",
    "Delete a conversation and all that was said in it",
    methods=["DELETE"],
    operation_id="delete_conversation",
    description="An answer that is being written is stopped.",
    request=None,
    responses={200: DeletedSerializer},
    errors=("NOT_FOUND",),
)
list_messages = _operation(
    "conversations",
    "List the messages of a conversation, the oldest first",
    methods=["GET"],
    operation_id="list_messages",
    description="The message of an answer has its text and parts once the turn waits "
    "or has ended; `GET …/turn` has them as they come.",
    parameters=[serializers.PageSerializer],
    responses=serializers.MessageListSerializer,
    errors=("INVALID_INPUT", "NOT_FOUND"),
)
send_message = _operation(
    "conversations",
    "Send a message",
    methods=["POST"],
    operation_id="send_message",
    description="The message is stored, and its turn begins: ask `GET …/turn` how far "
    "it is. A tool that is picked is used, or the answer says why not. A message that "
    f"comes while another waits for the person overtakes it. {NO_APPROVALS}",
    request=serializers.MessageInputSerializer,
    responses={201: serializers.SentSerializer},
    examples=[
        _sends("text alone", {"text": "What changed last week?"}),
        _sends("with a tool", {"text": "budget", "pick": "notes__search"}),
        _sends("with a connector", {"text": "budget", "pick": {"connector_id": 12}}),
    ],
    errors=("NOT_FOUND", "TURN_RUNNING"),
)
read_turn = _operation(
    "conversations",
    "Read how far the newest answer is",
    methods=["GET"],
    operation_id="read_turn",
    description=NO_APPROVALS,
    responses=serializers.TurnSerializer,
    errors=("NOT_FOUND",),
)
stop_turn = _operation(
    "conversations",
    "Stop the newest answer",
    operation_id="stop_turn",
    description="One that has ended stays as it is.",
    request=None,
    responses={200: serializers.TurnSerializer},
    errors=("NOT_FOUND",),
)
retry_turn = _operation(
    "conversations",
    "Try the newest answer again, which ended early",
    operation_id="retry_turn",
    description="It goes on with what there is; no call is made twice.",
    request=None,
    responses={200: serializers.TurnSerializer},
    errors=("NOTHING_TO_RETRY", "NOT_FOUND"),
)
