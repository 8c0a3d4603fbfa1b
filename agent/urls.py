"""The REST routes of the agent, below /api."""

from django.urls import path

from agent import api

ONE = "conversations/<int:conversation_id>"

urlpatterns = [
    path("apps", api.apps, name="api-apps"),
    path("conversations", api.all_conversations, name="api-conversations"),
    path(ONE, api.conversation, name="api-conversation"),
    path(f"{ONE}/messages", api.messages, name="api-messages"),
    path(f"{ONE}/turn", api.turn, name="api-turn"),
    path(f"{ONE}/turn/stop", api.stop, name="api-turn-stop"),
    path(f"{ONE}/turn/retry", api.retry, name="api-turn-retry"),
]
