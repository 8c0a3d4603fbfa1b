"""The REST routes of connectors, below /api."""

from django.urls import path

from connectors import api, oauth_api

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
    path("oauth/initiate", oauth_api.initiate, name="api-oauth-initiate"),
    path("oauth/callback", oauth_api.callback, name="api-oauth-callback"),
    # For clients that were registered with an address for each connector.
    path(
        "oauth/callback/<str:connector>",
        oauth_api.callback_of,
        name="api-oauth-callback-of",
    ),
    path("oauth/status/<int:connector_id>", oauth_api.status, name="api-oauth-status"),
    path(
        "oauth/disconnect/<int:connector_id>",
        oauth_api.disconnect,
        name="api-oauth-disconnect",
    ),
]
