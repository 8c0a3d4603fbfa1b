"""The forms of accounts: signing up, making a token. They check shape, not meaning."""

from typing import Final

from allauth.account.forms import SignupForm as StockSignupForm
from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from accounts.tokens import NAME_LENGTH

SCOPE_WORDS: Final = {
    "connectors:read": "see connectors",
    "connectors:write": "add and change them",
    "tools:call": "run tools",
    "chat": "use the agent",
    "mcp": "use the MCP endpoint",
}
# A scope that nothing asks for yet is not offered.
OFFERED: Final = ("connectors:read", "connectors:write", "tools:call")
DAYS: Final = (7, 30, 90, 365)


class SignupForm(StockSignupForm):
    """allauth's, but a person and their address are stored together or not at all.

    A person without an address counts as made by an administrator
    (`accounts.stages`), which nobody must become by signing in at that moment.
    """

    def save(self, request: HttpRequest) -> AbstractBaseUser:
        try:
            with transaction.atomic():
                user: AbstractBaseUser = super().save(request)
                return user
        except IntegrityError:
            # The button was pressed twice: the first request made the account.
            sign_in = HttpResponseRedirect(reverse("account_login"))
            raise ImmediateHttpResponse(sign_in) from None


def _lifetimes() -> list[tuple[int, str]]:
    days = sorted({*DAYS, settings.TOKEN_TTL_DAYS})
    return [(number, f"{number} days") for number in days]


class TokenForm(forms.Form):
    """A name, what the token may do, and when it ends."""

    name = forms.CharField(max_length=NAME_LENGTH)
    scopes = forms.MultipleChoiceField(
        choices=[(scope, SCOPE_WORDS[scope]) for scope in OFFERED],
        initial=["connectors:read", "tools:call"],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedChoiceField(
        coerce=int, choices=_lifetimes, initial=lambda: settings.TOKEN_TTL_DAYS
    )
