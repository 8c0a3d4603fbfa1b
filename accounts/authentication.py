"""Who calls REST, and what they may do there.

Order matters and is set in REST_FRAMEWORK: a Bearer that is wrong is 401 even
beside a good session. Authentication gives a person or raises; there is no default
person and no anonymous scope (the fault behind CVE-2026-12773).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from accounts import tokens
from accounts.models import SCOPES, ApiToken, User

if TYPE_CHECKING:
    # At run time it imports this module, through DEFAULT_AUTHENTICATION_CLASSES.
    from rest_framework.views import APIView

SCHEME: Final = "Bearer"


class Unauthorized(exceptions.AuthenticationFailed):
    """401: a Bearer was sent that is no live token of an active person."""

    default_detail = "This API token is unknown, expired or revoked."
    default_code = "UNAUTHORIZED"


class CsrfFailed(exceptions.PermissionDenied):
    """403: a session wants to change something without its CSRF token."""

    default_detail = "The CSRF token is missing or wrong."
    default_code = "CSRF_FAILED"


class ScopeMissing(exceptions.PermissionDenied):
    """403: the token is good, but not for this."""

    default_code = "SCOPE_MISSING"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API token does not have the scope {scope}.")


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer pb_…`; sets `request.auth` to the ApiToken.

    Source: RFC 6750, 2.1 and 3.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = bearer(request._request)
        if scheme.lower() != SCHEME.lower():
            return None
        token = tokens.authenticate(text.strip())
        if token is None:
            raise Unauthorized
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of the pages, with CSRF; `request.auth` is None."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied:
            raise CsrfFailed from None


class HasScope(permissions.BasePermission):
    """Let a token do what its scopes say. A session may do everything."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiToken):
            return request.user.is_authenticated
        scope = required_scope(view, request.method or "")
        if scope and not request.auth.allows(scope):
            raise ScopeMissing(scope)
        return True


def scopes(**by_method: str) -> Callable[[Any], Any]:
    """Declare what a token needs: `@scopes(GET="connectors:read")` over `@api_view`.

    Raises:
        ImproperlyConfigured: a scope is not one of ours.
    """
    if unknown := set(by_method.values()) - set(SCOPES):
        raise ImproperlyConfigured(f"There are no such scopes: {sorted(unknown)}.")

    def declare(view: Any) -> Any:
        getattr(view, "cls", view).required_scopes = by_method
        return view

    return declare


def required_scope(view: "APIView | type[APIView]", method: str) -> str:
    """Return the scope that `method` of `view` needs; none if it answers 405 anyway.

    Raises:
        ImproperlyConfigured: the view handles the method and declares no scope. A
            forgotten declaration must not open a view to every token.
    """
    declared: Mapping[str, str] = getattr(view, "required_scopes", {})
    scope = declared.get("GET" if method == "HEAD" else method, "")
    handled = hasattr(view, method.lower()) and method != "OPTIONS"
    if handled and not scope:
        raise ImproperlyConfigured(f"{view} declares no scope for {method}.")
    return scope


def bearer(request: HttpRequest) -> tuple[str, str, str]:
    """Split the Authorization header into scheme, space and credentials."""
    return request.headers.get("Authorization", "").strip().partition(" ")
