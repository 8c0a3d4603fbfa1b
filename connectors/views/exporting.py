"""Export one's connectors for another MCP client: shown, copied or downloaded."""

from django.http import HttpResponse
from django.template.response import TemplateResponse

from connectors import exporting
from connectors.views.answers import PageRequest, page


@page("GET")
def export(request: PageRequest) -> HttpResponse:
    """Show the file of the client that is asked for, or send it with `download`."""
    shape = exporting.find(request.GET.get("for", ""))
    content, count = exporting.write(user_id=request.user.pk, shape=shape.key)
    if "download" in request.GET:
        file = HttpResponse(content, content_type="application/json; charset=utf-8")
        file["Content-Disposition"] = 'attachment; filename="mcp.json"'
        file["X-Content-Type-Options"] = "nosniff"
        return file
    shown = {
        "nav": "connectors",
        "shape": shape,
        "shapes": exporting.SHAPES,
        "content": content,
        "count": count,
    }
    return TemplateResponse(request, "connectors/export.html", shown)
