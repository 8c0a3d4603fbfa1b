from allauth.account import forms
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse


class SignupForm(forms.SignupForm):
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
