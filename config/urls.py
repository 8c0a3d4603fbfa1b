"""Where everything is. Paths of ours have no slash at their end."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health, openapi
from connectors import oauth_api

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path(
        "oauth/client-metadata.json",
        oauth_api.client_metadata,
        name="oauth-client-metadata",
    ),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("", include("connectors.pages")),
    path("", include("systemtools.pages")),
    path("", include("systemtools.export.pages")),
    path("", include("agent.pages")),
    path("api/", include("connectors.urls")),
    path("api/", include("systemtools.urls")),
    path("api/", include("agent.urls")),
    path("api/schema", openapi.schema, name="api-schema"),
    path("api/docs", openapi.docs, name="api-docs"),
    path("v1/", include("agent.v1_urls")),
]
if settings.CHATKIT and settings.CHATKIT_INSTALLED:
    urlpatterns.append(path("", include("agent.chatkit.urls")))

handler400 = "config.error_pages.bad_request"
handler403 = "config.error_pages.permission_denied"
handler404 = "config.error_pages.page_not_found"
handler500 = "config.error_pages.server_error"
