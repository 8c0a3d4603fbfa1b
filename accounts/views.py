"""The front door: the landing page and the demo."""

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import demo

SEE_OTHER = 303


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Show strangers the way in, and people what they can do."""
    page = "home" if request.user.is_authenticated else "landing"
    return render(request, f"accounts/{page}.html")


@require_POST
def try_demo(request: HttpRequest) -> HttpResponse:
    """Sign in as the demo person, in a development installation."""
    if not settings.DEVELOPMENT:
        raise Http404
    login(request, demo.ensure_user())
    return HttpResponse(status=SEE_OTHER, headers={"Location": reverse("home")})
