"""The files that were made for a person: to be saved, never to be run."""

from uuid import UUID

from django.http import HttpResponse
from django.template.response import TemplateResponse

from connectors.views.answers import PageRequest, page
from systemtools.export import files


@page("GET")
def exports(request: PageRequest) -> HttpResponse:
    """Show the files of a person that have not expired."""
    shown = {"nav": "system-tools", "files": files.of_person(user_id=request.user.pk)}
    return TemplateResponse(request, "systemtools/exports.html", shown)


@page("GET")
def export(request: PageRequest, public_id: UUID) -> HttpResponse:
    """Give a file; one that has expired is as if it had never been."""
    found = files.get(user_id=request.user.pk, public_id=public_id)
    kind = f"{found.content_type}; charset=utf-8"
    response = HttpResponse(bytes(found.body), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{found.name}"'
    # Whoever opens it all the same opens something that can do nothing.
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response
