"""Conversations and the Apps menu over REST: read JSON, make one call, answer.

A message is answered as on a page: by a turn, which goes on after the answer to the
request that began it. What waits for the person is decided by the person, on a page:
there is deliberately nothing here that allows a call or fills in a form.
"""

from typing import Any, cast

from asgiref.sync import async_to_sync
from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import scopes
from accounts.models import User
from agent import api_docs, apps_menu, conversations, picks, rest_views, serializers
from agent.models import Conversation, Turn
from connectors.errors import InvalidInput

READ, CHAT = "connectors:read", "chat"
VIA = "rest"


@scopes(GET=READ)
@api_docs.list_apps
@api_view(["GET", "HEAD"])
def apps(request: Request) -> Response:
    menu = apps_menu.menu(user_id=_person(request).pk)
    return Response(serializers.AppsSerializer(rest_views.apps(menu)).data)


# --- Conversations -----------------------------------------------------------


@scopes(GET=CHAT, POST=CHAT)
@api_docs.list_conversations
@api_docs.add_conversation
@api_view(["GET", "HEAD", "POST"])
def all_conversations(request: Request) -> Response:
    if request.method == "POST":
        return _begin(request)
    page = _page(request)
    rows = Conversation.objects.owned_by(_person(request)).recent()
    shown = [rest_views.conversation(row) for row in rows[page]]
    found = {"conversations": shown, "total": rows.count()}
    return Response(serializers.ConversationListSerializer(found).data)


def _begin(request: Request) -> Response:
    given = _read(serializers.ConversationInputSerializer, request)
    begun = conversations.create(user_id=_person(request).pk, **given)
    address = reverse("api-conversation", args=[begun.pk])
    return _conversation(begun, status=201, headers={"Location": address})


@scopes(GET=CHAT, PATCH=CHAT, DELETE=CHAT)
@api_docs.read_conversation
@api_docs.change_conversation
@api_docs.delete_conversation
@api_view(["GET", "HEAD", "PATCH", "DELETE"])
def conversation(request: Request, conversation_id: int) -> Response:
    which: dict[str, Any] = {
        "user_id": _person(request).pk,
        "conversation_id": conversation_id,
    }
    if request.method == "PATCH":
        # Somebody else's is 404 before what was sent for it is looked at.
        conversations.get(**which)
        given = _read(serializers.ConversationChangesSerializer, request)
        return _conversation(conversations.rename(**which, **given))
    if request.method == "DELETE":
        async_to_sync(conversations.delete)(**which)
        message = "The conversation was deleted."
        return Response({"success": True, "message": message})
    return _conversation(conversations.get(**which))


# --- Messages ----------------------------------------------------------------


@scopes(GET=CHAT, POST=CHAT)
@api_docs.list_messages
@api_docs.send_message
@api_view(["GET", "HEAD", "POST"])
def messages(request: Request, conversation_id: int) -> Response:
    found = _own(request, conversation_id)
    if request.method == "POST":
        return _send(request, found)
    page = _page(request)
    rows = found.messages.order_by("seq")
    listed = {
        "messages": [rest_views.message(row) for row in rows[page]],
        "total": rows.count(),
    }
    return Response(serializers.MessageListSerializer(listed).data)


def _send(request: Request, found: Conversation) -> Response:
    given = _read(serializers.MessageInputSerializer, request)
    user_id = _person(request).pk
    pick = picks.of_rest(user_id=user_id, given=given.pop("pick"))
    turn = async_to_sync(conversations.send)(
        user_id=user_id,
        conversation_id=found.pk,
        pick=pick,
        via=VIA,
        token_id=request.auth.pk if request.auth else None,
        **given,
    )
    # It may have come to its end already.
    turn.refresh_from_db()
    sent = {
        "message": rest_views.message(turn.user_message),
        "turn": rest_views.turn(turn),
    }
    return Response(serializers.SentSerializer(sent).data, status=201)


# --- Turns -------------------------------------------------------------------


@scopes(GET=CHAT)
@api_docs.read_turn
@api_view(["GET", "HEAD"])
def turn(request: Request, conversation_id: int) -> Response:
    return _turn(_newest(request, conversation_id))


@scopes(POST=CHAT)
@api_docs.stop_turn
@api_view(["POST"])
def stop(request: Request, conversation_id: int) -> Response:
    found = _newest(request, conversation_id)
    async_to_sync(conversations.stop)(user_id=_person(request).pk, turn_id=found.pk)
    return _turn(found)


@scopes(POST=CHAT)
@api_docs.retry_turn
@api_view(["POST"])
def retry(request: Request, conversation_id: int) -> Response:
    found = _newest(request, conversation_id)
    async_to_sync(conversations.retry)(user_id=_person(request).pk, turn_id=found.pk)
    return _turn(found)


def _newest(request: Request, conversation_id: int) -> Turn:
    return conversations.newest_turn(
        user_id=_person(request).pk, conversation_id=conversation_id
    )


def _turn(found: Turn) -> Response:
    found.refresh_from_db()
    return Response(serializers.TurnSerializer(rest_views.turn(found)).data)


# --- Steps -------------------------------------------------------------------


def _person(request: Request) -> User:
    # Nobody else comes past IsAuthenticated.
    return cast(User, request.user)


def _own(request: Request, conversation_id: int) -> Conversation:
    return conversations.get(
        user_id=_person(request).pk, conversation_id=conversation_id
    )


def _read(kind: type[Any], request: Request) -> Any:
    """Return the checked body; raise what is answered 422."""
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _page(request: Request) -> slice:
    """Return which part of a list is asked for.

    Raises:
        InvalidInput: 422, at the name in the query.
    """
    serializer = serializers.PageSerializer(data=request.query_params)
    if not serializer.is_valid():
        raise InvalidInput(
            [
                {"loc": ["query", name, error.code], "msg": error, "type": error.code}
                for name, errors in serializer.errors.items()
                for error in errors
            ]
        )
    start = serializer.validated_data["offset"]
    return slice(start, start + serializer.validated_data["limit"])


def _conversation(found: Conversation, **response: Any) -> Response:
    shown = rest_views.conversation(found)
    return Response(serializers.ConversationSerializer(shown).data, **response)
