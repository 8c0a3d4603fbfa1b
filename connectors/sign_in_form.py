"""The forms that lead to a sign-in by OAuth. They check shape, the domain meaning.

Most people press one button; who has a client of their own enters it under
*Advanced*. Its secret is never shown again.
"""

from typing import Any

from django import forms

from connectors import auth, paste, server_url
from connectors.errors import InvalidInput, InvalidUrl
from connectors.form_fields import place_errors
from connectors.models import NAME_CHARS, AuthType
from connectors.paste import NotUnderstood

CLIENT = ("client_id", "client_secret", "scope")


class ClientForm(forms.Form):
    """The client that signs in, and what it asks for; all of it may be empty."""

    client_id = forms.CharField(required=False, max_length=500)
    client_secret = forms.CharField(
        required=False, max_length=2000, widget=forms.PasswordInput
    )
    scope = forms.CharField(required=False, max_length=2000)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        self.auth_config: dict[str, Any] | None = None
        super().__init__(data, **kwargs)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if not self.errors:
            entered = {name: given[name] for name in CLIENT if given[name]}
            try:
                self.auth_config = auth.check_config(AuthType.OAUTH, entered or None)
            except InvalidInput as error:
                place_errors(self, error, credentials_field="client_id")
        return given


class SignInForm(ClientForm):
    """The same, with the server that is not saved yet; its name is the person's."""

    server_url = forms.CharField(max_length=paste.MAX_CHARS)
    name = forms.CharField(required=False, max_length=NAME_CHARS)
    suggested_name = forms.CharField(required=False, max_length=NAME_CHARS)

    @property
    def wanted(self) -> dict[str, Any]:
        """What the domain is asked to prepare.

        A name that was only suggested is left out: after the sign-in there is a
        better one, that of the server and its account.
        """
        given = self.cleaned_data
        is_typed = given["name"] != given["suggested_name"]
        return {
            "server_url": given["server_url"],
            "name": given["name"] if is_typed else "",
            "auth_config": self.auth_config,
        }

    def clean_server_url(self) -> str:
        try:
            return server_url.check(paste.read(self.cleaned_data["server_url"]).url)
        except (NotUnderstood, InvalidUrl) as refusal:
            raise forms.ValidationError(refusal.message) from None
