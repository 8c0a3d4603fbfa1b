"""The one path of the protocol: every request is a POST of JSON."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.settings import api_settings

from agent.chatkit import dispatch
from agent.chatkit.guard import JSON, Who, answers


@answers("POST")
async def chatkit(request: HttpRequest, who: Who) -> HttpResponseBase:
    return await dispatch.answer(_json(request), who)


def _json(request: HttpRequest) -> dict[str, Any]:
    """Read the body as strictly as REST does, by the parser of its settings."""
    if request.content_type != JSON:
        raise UnsupportedMediaType(request.content_type or "")
    parser: Any = api_settings.DEFAULT_PARSER_CLASSES[0]
    body: dict[str, Any] = parser().parse(request)
    return body
