"""The form that edits a connector. It checks shape; the domain checks meaning.

Stored credentials are never in it: left empty, they stay as they are. New ones that
were not saved yet it carries along sealed (`connectors.kept`).
"""

from typing import Any

from django import forms

from connectors import auth, kept, server_url
from connectors.errors import InvalidInput, SecretUnreadable
from connectors.form_fields import HeadersField, place_errors
from connectors.manager import DESCRIPTION_CHARS, Changes
from connectors.models import NAME_CHARS, AuthType, UserMCPConnection

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
    kept = forms.CharField(required=False)
    allow_duplicate = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, connector: UserMCPConnection) -> None:
        self.connector = connector
        self.stored = kind_of(connector)
        # New credentials, typed now or carried along; None: the old ones stay.
        self.entered: dict[str, Any] | None = None
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

    @property
    def sealed(self) -> str:
        """The new credentials, for the hidden field; "" if there are none."""
        return kept.seal(
            user_id=self.connector.user_id,
            url=str(self["server_url"].value() or ""),
            auth_config=self.entered,
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        kind = cleaned.get("sign_in", "")
        if kind in {TOKEN, HEADERS} and kind not in self.errors:
            try:
                self.entered = self._entered(kind)
            except InvalidInput as error:
                place_errors(self, error, credentials_field=kind)
        return cleaned

    def _entered(self, kind: str) -> dict[str, Any] | None:
        """Return new credentials of this kind, None if the stored ones may stay.

        Raises:
            InvalidInput: there are none of this kind at all, or they cannot be sent.
        """
        given = self.cleaned_data
        config = {kind: given[kind]} if given[kind] else self._carried(kind)
        if config is None and kind == self.stored:
            return None
        if config is None:
            what = "the token" if kind == TOKEN else "the headers"
            why = f"Enter {what}: none of this kind is stored."
            raise InvalidInput.at("auth_config", kind, msg=why, type_="required")
        return auth.check_config(AuthType.API_KEY, config)

    def _carried(self, kind: str) -> dict[str, Any] | None:
        config = kept.unseal(
            self.cleaned_data["kept"],
            user_id=self.connector.user_id,
            url=self.cleaned_data.get("server_url", ""),
        )
        return config if config and kind in config else None

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
        if self.entered is not None:
            return AuthType.API_KEY, self.entered
        kind = self.cleaned_data["sign_in"]
        return (None if kind == self.stored else kind), None


def kind_of(connector: UserMCPConnection) -> str:
    """Return the kind of sign-in that is stored; of a secret only its kind is told."""
    if connector.auth_type != AuthType.API_KEY or connector.auth_config is None:
        return connector.auth_type
    try:
        return HEADERS if HEADERS in connector.auth_config.open() else TOKEN
    except SecretUnreadable:
        return TOKEN
