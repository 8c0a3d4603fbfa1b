"""A page with the form of a schema, for tests in a browser: /form?schema=<json>."""

import json

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path

from config import urls
from connectors.errors import InvalidInput
from connectors.schema_form import (
    SchemaForm,
    edited,
    errors_at,
    example,
    form_for,
    form_from,
    read,
)
from connectors.tests.as_browser import TEMPLATE

handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500

PAGE = """
{% extends "app.html" %}
{% load patchbay %}
{% block title %}Run{% endblock %}
{% block heading %}Run{% endblock %}
{% block content %}
  <div class="split">
    <pre tabindex="0">{{ result }}</pre>
    <section class="card stick" aria-labelledby="run-h">
      <header>
        <h2 id="run-h">Run <code>search_issues</code></h2>
        <p>The form comes from the tool’s own schema.</p>
      </header>
      <section>
        <form class="stack" method="post" novalidate>
          {% csrf_token %}
          {% include "components/schema_form.html" %}
          <div class="row">
            <button class="btn">{% icon "play" %}Run</button>
            <button class="btn" name="edit" value="json">Edit as JSON</button>
            <button class="btn" name="edit" value="fields">Edit as fields</button>
          </div>
        </form>
      </section>
    </section>
  </div>
{% endblock %}
"""


def page(request: HttpRequest) -> HttpResponse:
    schema = json.loads(request.GET["schema"])
    if request.method != "POST":
        return _page(request, form_for(schema, values=example(schema)))
    form = edited(schema, request.POST)
    if form is not None and request.headers.get("HX-Request"):
        context = {"form": form, "edit_url": request.get_full_path()}
        return TemplateResponse(request, TEMPLATE, context)
    if form is not None:
        return _page(request, form)
    form = form_from(schema, request.POST)
    try:
        return _page(request, form, json.dumps(read(schema, request.POST)))
    except InvalidInput as problem:
        return _page(request, errors_at(form, problem))


def _page(request: HttpRequest, form: SchemaForm, result: str = "") -> HttpResponse:
    context = {
        "form": form,
        "edit_url": request.get_full_path(),
        "result": result,
        "nav": "connectors",
    }
    return HttpResponse(engines["django"].from_string(PAGE).render(context, request))


urlpatterns = [path("form", page), path("", include(urls))]
