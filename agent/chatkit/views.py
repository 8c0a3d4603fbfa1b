"""The one path of the protocol: every request is a POST of JSON."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from agent import json_bodies
from agent.chatkit import dispatch
from agent.chatkit.guard import Who, answers


@answers("POST")
async def chatkit(request: HttpRequest, who: Who) -> HttpResponseBase:
    return await dispatch.answer(json_bodies.read(request), who)
