"""How the two ways to sign in stand in the OpenAPI document."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.authentication import required_scope

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_requirement(
        self, auto_schema: "AutoSchema"
    ) -> dict[str, list[str]]:
        """Name the scope that the operation needs (OpenAPI 3.1 allows roles here)."""
        scope = required_scope(auto_schema.view, auto_schema.method)
        return {"bearer": [scope] if scope else []}

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pb_<prefix>_<secret>",
            "description": "An API token, made by `manage.py issue_token`.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of the pages. What changes something also"
            f" needs the {settings.CSRF_COOKIE_NAME} cookie in X-CSRFToken.",
        }
