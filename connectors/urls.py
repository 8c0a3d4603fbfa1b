"""The REST routes of connectors, below /api."""

from django.urls import path

from connectors import api

urlpatterns = [
    path("connectors", api.connectors, name="api-connectors"),
    path("connectors/test", api.test, name="api-connector-test"),
    path("connectors/<int:connector_id>", api.connector, name="api-connector"),
    path(
        "connectors/<int:connector_id>/toggle", api.toggle, name="api-connector-toggle"
    ),
    path(
        "connectors/<int:connector_id>/retest", api.retest, name="api-connector-retest"
    ),
    # The name of a tool is its server's: it may have slashes.
    path(
        "connectors/<int:connector_id>/tools/<path:tool>/call",
        api.call_tool,
        name="api-tool-call",
    ),
]
