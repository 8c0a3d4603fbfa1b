"""The form that edits a connector. It checks shape; the domain checks meaning.

Stored credentials are never in it: left empty, they stay as they are.
"""

from typing import Any

from django import forms

from connectors import server_url
from connectors.errors import SecretUnreadable
from connectors.form_fields import HeadersField
from connectors.manager import DESCRIPTION_CHARS, NAME_CHARS, Changes
from connectors.models import AuthType, UserMCPConnection

NONE, TOKEN, HEADERS, OAUTH = "none", "token", "headers", "oauth"
WORDS = {NONE: "None", TOKEN: "Token", HEADERS: "Headers", OAUTH: "OAuth"}


class EditForm(forms.Form):
    """What can be changed of a connector."""

    name = forms.CharField(max_length=NAME_CHARS)
    description = forms.CharField(
        max_length=DESCRIPTION_CHARS, required=False, widget=forms.Textarea
    )
    server_url = forms.CharField(label="Server URL", max_length=server_url.MAX_CHARS)
    sign_in = forms.ChoiceField(label="Sign-in")
    token = forms.CharField(required=False, widget=forms.PasswordInput)
    headers = HeadersField()
    allow_duplicate = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, connector: UserMCPConnection) -> None:
        self.connector = connector
        self.stored = kind_of(connector)
        initial = {
            "name": connector.name,
            "description": connector.description,
            "server_url": connector.server_url,
            "sign_in": self.stored,
        }
        super().__init__(data, initial=initial)
        kinds = [NONE, TOKEN, HEADERS]
        if connector.auth_type == AuthType.OAUTH:
            kinds.append(OAUTH)
        self.fields["sign_in"].choices = [  # type: ignore[attr-defined]
            (kind, WORDS[kind]) for kind in kinds
        ]

    @property
    def kind(self) -> str:
        """The chosen kind of sign-in."""
        return str(self["sign_in"].value())

    @property
    def credentials_field(self) -> str:
        """The field at which something wrong with the credentials is shown."""
        return self.kind if self.kind in {TOKEN, HEADERS} else "sign_in"

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Value, word, and whether it is chosen, of each kind of sign-in."""
        field: Any = self.fields["sign_in"]
        return [(value, word, value == self.kind) for value, word in field.choices]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        kind = cleaned.get("sign_in", "")
        is_new = kind in {TOKEN, HEADERS} and kind != self.stored
        if is_new and not cleaned.get(kind) and kind not in self.errors:
            what = "the token" if kind == TOKEN else "the headers"
            self.add_error(kind, f"Enter {what}: none of this kind is stored.")
        return cleaned

    def changes(self) -> Changes:
        """Return what the domain is asked to change."""
        given = self.cleaned_data
        auth_type, auth_config = self._credentials()
        return Changes(
            name=given["name"],
            description=given["description"],
            server_url=given["server_url"],
            auth_type=auth_type,
            auth_config=auth_config,
            allow_duplicate=given["allow_duplicate"],
        )

    def _credentials(self) -> tuple[str | None, dict[str, Any] | None]:
        """Return kind and credentials; None for what stays as it is."""
        kind = self.cleaned_data["sign_in"]
        if kind in {TOKEN, HEADERS} and self.cleaned_data[kind]:
            return AuthType.API_KEY, {kind: self.cleaned_data[kind]}
        if kind == self.stored:
            return None, None
        return kind, None


def kind_of(connector: UserMCPConnection) -> str:
    """Return the kind of sign-in that is stored; of a secret only its kind is told."""
    if connector.auth_type != AuthType.API_KEY or connector.auth_config is None:
        return connector.auth_type
    try:
        return HEADERS if HEADERS in connector.auth_config.open() else TOKEN
    except SecretUnreadable:
        return TOKEN
