"""The page of one tool and its parts: what they show, and how htmx gets them."""

from dataclasses import dataclass
from typing import Any, Final, cast

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import User
from connectors import cards, curl, schema_form, tool_list
from connectors.errors import ToolNotFound
from connectors.models import UserMCPConnection
from connectors.schema_form import SchemaForm
from connectors.views.answers import PageRequest, announce

TEMPLATE: Final = "connectors/tool.html"
FIELDS: Final = "components/schema_form.html"

Context = dict[str, Any]
Tool = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One tool, to be run by one person."""

    request: PageRequest
    user: User
    connector: UserMCPConnection
    tool: Tool

    @property
    def schema(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.tool["inputSchema"])

    def example(self) -> SchemaForm:
        """Return the form as it is first shown: filled with an example."""
        values = schema_form.example(self.schema)
        return schema_form.form_for(self.schema, values=values)

    def page(self, form: SchemaForm, *, status: int = 200, **more: Any) -> HttpResponse:
        """Show the whole page; `more` is what became of the form."""
        shown = self._context(form, **more)
        return TemplateResponse(self.request, TEMPLATE, shown, status=status)

    def changed(
        self, form: SchemaForm, *, status: int = 200, **more: Any
    ) -> HttpResponse:
        """Show the form as it is now, in place of the one that was sent."""
        if not self.request.htmx:
            return self.page(form, status=status, **more)
        shown = self._context(form, **more)
        if self.request.htmx.target == "div#arguments":
            return TemplateResponse(self.request, FIELDS, shown)
        part = f"{TEMPLATE}#form"
        response = TemplateResponse(self.request, part, shown, status=status)
        response["HX-Retarget"], response["HX-Reswap"] = "#run-form", "outerHTML"
        return response

    def outcome(
        self, form: SchemaForm, outcome: Context, *, said: str = ""
    ) -> HttpResponse:
        """Show what came of the form, which stays as it is."""
        if not self.request.htmx:
            return self.page(form, **outcome)
        shown = self._context(**outcome)
        response = TemplateResponse(self.request, f"{TEMPLATE}#outcome", shown)
        return announce(response, said) if said else response

    def fragment(self, part: str, form: SchemaForm | None = None, **more: Any) -> str:
        """Return a part of the page, to be sent as an event."""
        shown = self._context(form, **more)
        return render_to_string(f"{TEMPLATE}#{part}", shown, self.request)

    def command(self, arguments: dict[str, Any]) -> str:
        """Return the command line that makes the same call over REST."""
        return curl.command(
            base_url=settings.PUBLIC_URL,
            connector_id=self.connector.pk,
            tool=self.tool["name"],
            arguments=arguments,
        )

    def _context(self, form: SchemaForm | None = None, **more: Any) -> Context:
        address = reverse("connector-tool", args=[self.connector.pk, self.tool["name"]])
        return {
            "nav": "connectors",
            "connector": self.connector,
            "card": cards.card(self.connector),
            "tool": self.tool,
            "reads_only": tool_list.reads_only(self.tool),
            "warning": warning(self.tool),
            "form": form,
            "edit_url": address,
            "call_s": settings.CALL_TIMEOUT_S,
            **more,
        }


def named(connector: UserMCPConnection, name: str) -> Tool:
    """Return the tool of that name.

    Raises:
        ToolNotFound: the connector has none.
    """
    for tool in connector.discovered_tools:
        if tool["name"] == name:
            return cast(Tool, tool)
    raise ToolNotFound


def warning(tool: Tool) -> str:
    """Say what a tool that may change things says of that itself."""
    hints = tool.get("annotations") or {}
    if hints.get("readOnlyHint") is not False and "destructiveHint" not in hints:
        return "Its server does not say whether it changes things."
    if hints.get("destructiveHint") is False:
        return "Its server says that it changes things, but deletes none."
    return "Its server says that it can delete or overwrite things."
