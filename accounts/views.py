"""The front door, and the settings of a person."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import demo, tokens
from accounts.errors import InvalidToken, TokenLimitReached, TokenNameTaken
from accounts.forms import TokenForm
from accounts.models import ApiToken

SEE_OTHER = 303


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Show strangers the way in; lead people to what is theirs."""
    if request.user.is_authenticated:
        return redirect("chat")
    return render(request, "accounts/landing.html")


@require_POST
def try_demo(request: HttpRequest) -> HttpResponse:
    """Sign in as the demo person, in a development installation."""
    if not settings.DEVELOPMENT:
        raise Http404
    user = demo.ensure_user()
    login(request, user)
    # Who has nothing to try yet begins where the first connector is added.
    first = "home" if user.connectors.exists() else "connectors"
    return HttpResponse(status=SEE_OTHER, headers={"Location": reverse(first)})


@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show who is signed in, and where they change that."""
    return render(request, "accounts/account.html", {"nav": "settings"})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def token_list(request: Any) -> HttpResponse:
    """List the person's tokens; make one, whose text this answer alone shows."""
    form = TokenForm(request.POST or None)
    made: tuple[ApiToken, str] | None = None
    if request.method == "POST":
        made = _issue(request, form) if form.is_valid() else None
        if made is None:
            return _tokens(request, "#form", {"form": form}, status=422)
        form = TokenForm()
    return _tokens(request, "#created" if made else "", {"form": form, "made": made})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def token_revoke(request: Any, token_id: int) -> HttpResponse:
    """Ask whether a token is to be revoked, then revoke it."""
    token = tokens.get(user_id=request.user.pk, token_id=token_id)
    if token.revoked_at is not None:
        raise Http404
    if request.method != "POST":
        template = "accounts/token_revoke.html" + ("#ask" if request.htmx else "")
        return render(request, template, {"nav": "settings", "token": token})
    tokens.revoke(token=token)
    messages.success(request, f"The token “{token.name}” was revoked.")
    if not request.htmx:
        return HttpResponse(status=SEE_OTHER, headers={"Location": reverse("tokens")})
    response = _tokens(request, "#list", {"focus": True})
    response["HX-Trigger"] = "dialog-close"
    return response


def _issue(request: Any, form: TokenForm) -> tuple[ApiToken, str] | None:
    """Make the token that the form asks for, or put at the form why not."""
    try:
        return tokens.issue(user=request.user, **form.cleaned_data)
    except InvalidToken as error:
        form.add_error(error.field, error.message)
    except TokenNameTaken as error:
        form.add_error("name", error.message)
    except TokenLimitReached as error:
        form.add_error(None, error.message)
    return None


def _tokens(
    request: Any, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    page = "accounts/tokens.html" + (fragment if request.htmx else "")
    live = tokens.list_for(user_id=request.user.pk)
    return render(
        request, page, {"nav": "settings", "tokens": live, **context}, status=status
    )
