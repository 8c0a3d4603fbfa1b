"""The REST routes of system tools, below /api."""

from django.urls import path

from systemtools import api

urlpatterns = [
    path("tools", api.tools, name="api-tools"),
    path("tools/<str:tool_id>/connect", api.connect, name="api-system-tool-connect"),
    path(
        "tools/<str:tool_id>/disconnect",
        api.disconnect,
        name="api-system-tool-disconnect",
    ),
]
