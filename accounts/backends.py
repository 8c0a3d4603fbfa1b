from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from accounts import demo


class AccountBackend(AuthenticationBackend):  # type: ignore[misc]
    """Sign-in by username or e-mail address, in any case of letters.

    The sign-in form hands over the same text as both. allauth then checks the
    password of a known address twice and takes twice as long for it, which told
    strangers whose addresses have an account.
    """

    def authenticate(
        self, request: HttpRequest | None, **credentials: Any
    ) -> AbstractBaseUser | None:
        if not settings.DEVELOPMENT and credentials.get("password") == demo.PASSWORD:
            # A database of a development installation that went on to serve.
            return None
        if credentials.get("email") == credentials.get("username"):
            # A username is tried as an address anyway.
            credentials.pop("email", None)
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        return user
