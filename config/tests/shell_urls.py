"""A page that uses everything the shell offers, for `test_shell`."""

from collections.abc import AsyncIterator

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.http import require_POST

from config import urls

handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500

PAGE = """
{% extends "app.html" %}
{% block title %}Shell{% endblock %}
{% block heading %}Shell{% endblock %}
{% block actions %}
  <label class="sr" for="q">Search</label><input class="input" id="q" type="search">
  <a class="btn" href="/dialog" hx-get="/dialog" hx-target="#dialog">Add</a>
{% endblock %}
{% block content %}
  <h2 id="group" tabindex="-1">Rows</h2>
  <p id="row">nothing yet</p>
  <time datetime="2026-11-22T09:12:00+00:00" title="exact" data-clock>09:12 UTC</time>
  <button class="btn" hx-post="/save" hx-target="#row" hx-swap="outerHTML">Save</button>
  <button class="btn" hx-post="/save" hx-target="#row" hx-swap="outerHTML"
    hx-headers:append='{"X-More": "yes"}'>Save with a header</button>
  <button class="btn" hx-get="/nowhere" hx-target="#row">Lost</button>
  <button class="btn" hx-get="/private" hx-target="#row">Private</button>
  <button class="btn" hx-post="/steps" hx-target="#row">Stream</button>
  <code id="text">to be copied</code>
  <button class="btn" data-copy="#text">Copy</button>
  <details class="pop"><summary class="btn">More</summary>
    <div class="menu"><div class="body"><button class="opt">Rename</button></div></div>
  </details>
{% endblock %}
"""
DIALOG = """
<form class="narrow" hx-post="/save" hx-target="#row" hx-swap="outerHTML">
  <header><h2 id="add-title">Add a row</h2></header>
  <section class="stack"><label for="name">Name</label>
    <input class="input" id="name" name="name" autofocus></section>
  <footer><a class="btn" data-variant="outline" href="/" data-close>Cancel</a>
    <button type="button" class="btn" hx-get="/nowhere">Lost</button>
    <button class="btn">Keep</button></footer>
</form>
"""


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


def dialog(request: HttpRequest) -> HttpResponse:
    return HttpResponse(DIALOG)


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    messages.success(request, "The row was saved.")
    row = '<p id="row"><a href="/" data-focus>the row</a></p>'
    headers = {"HX-Trigger": '{"dialog-close": true, "announce": "One row."}'}
    return HttpResponse(row, headers=headers)


@require_POST
def steps(request: HttpRequest) -> StreamingHttpResponse:
    async def events() -> AsyncIterator[str]:
        for number in (1, 2, 3):
            yield f"data: <b>step {number}</b>\n\n"

    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [
    path("shell", page),
    path("dialog", dialog),
    path("save", save),
    path("steps", steps),
    path("private", page, name="private"),
    path("", include(urls)),
]
