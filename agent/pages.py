"""Where the pages of the agent are. No slash at the end; ids are integers."""

from django.urls import path

from agent.views import answers, apps, calls, chat, manage, sending
from connectors.views.answers import by_method

ONE = "chat/<int:conversation_id>"

urlpatterns = [
    path("chat", by_method(GET=chat.new, POST=sending.new), name="chat"),
    path(
        ONE,
        by_method(GET=chat.conversation, POST=sending.send),
        name="conversation",
    ),
    path("apps", apps.apps, name="apps"),
    path("apps/ask-again", manage.ask_again, name="ask-again"),
    path(f"{ONE}/rename", manage.rename, name="conversation-rename"),
    path(f"{ONE}/delete", manage.delete, name="conversation-delete"),
    path(f"{ONE}/export", manage.export, name="conversation-export"),
    path(f"{ONE}/stop", answers.stop, name="chat-stop"),
    path(f"{ONE}/retry", answers.retry, name="chat-retry"),
    path("chat/approvals/<int:approval_id>", answers.decide, name="approval"),
    path("chat/inputs/<int:input_id>", answers.fill_in, name="input"),
    path("calls/<uuid:call_id>", calls.call, name="call"),
]
