"""The form that adds a connector. It checks shape; the domain checks meaning.

One field takes whatever was pasted. What the form was given last time and may not
show again, the credentials, it carries sealed (`connectors.kept`).
"""

from dataclasses import dataclass, field
from typing import Any

from django import forms

from connectors import auth, fixes, kept, paste, server_url
from connectors.errors import InvalidInput
from connectors.form_fields import HeadersField, place_errors
from connectors.models import NAME_CHARS
from connectors.paste import NotUnderstood

NONE, TOKEN, HEADERS = "none", "token", "headers"
# Nobody types a kind of sign-in that a server says by itself.
KINDS = ((NONE, "Detect"), (TOKEN, "Token"), (HEADERS, "Headers"))
MAX_SEALED_CHARS = 400_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the person wants to add, as the form understood it."""

    server_url: str
    name: str
    auth_type: str
    auth_config: dict[str, Any] | None = field(repr=False)
    # Whether the credentials stood in what was pasted.
    is_pasted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """How the person signs in: none, token or headers."""
        if self.auth_config is None:
            return NONE
        return HEADERS if HEADERS in self.auth_config else TOKEN

    @property
    def target(self) -> dict[str, Any]:
        """What the domain is asked to test."""
        return {
            "server_url": self.server_url,
            "auth_type": self.auth_type,
            "auth_config": self.auth_config,
        }


class AddForm(forms.Form):
    """What a person says of a new server; `entry` is there once it is valid."""

    server_url = forms.CharField(
        label="Server URL",
        max_length=paste.MAX_CHARS,
        error_messages={
            "required": "Paste the address of the server.",
            "max_length": "That is too long. Paste the part about one server.",
        },
    )
    name = forms.CharField(max_length=NAME_CHARS, required=False)
    sign_in = forms.ChoiceField(label="Sign-in", choices=KINDS, required=False)
    token = forms.CharField(
        label="Bearer token", required=False, widget=forms.PasswordInput
    )
    headers = HeadersField()
    # What the form gives itself along, in hidden fields.
    kept = forms.CharField(required=False, max_length=MAX_SEALED_CHARS)
    suggested_name = forms.CharField(required=False, max_length=NAME_CHARS)
    test_ticket = forms.CharField(required=False, max_length=100)
    # What its buttons say.
    try_url = forms.CharField(required=False, max_length=paste.MAX_CHARS)
    allow_duplicate = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, user_id: int, **kwargs: Any) -> None:
        self.user_id = user_id
        self.entry: Entry | None = None
        super().__init__(data, **kwargs)

    @property
    def has_typed_name(self) -> bool:
        """Whether the name is the person's own, not one that was suggested."""
        name = self.cleaned_data.get("name", "")
        return bool(name) and name != self.cleaned_data.get("suggested_name")

    @property
    def kind(self) -> str:
        """The kind of sign-in to show: as understood, else where an error is."""
        if self.entry is not None:
            return self.entry.kind
        wrong = next((kind for kind in (TOKEN, HEADERS) if kind in self.errors), "")
        return wrong or str(self["sign_in"].value() or NONE)

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Value, word, and whether it is chosen, of each kind of sign-in."""
        return [(value, word, value == self.kind) for value, word in KINDS]

    @property
    def is_switched(self) -> bool:
        """Whether the kind is another one than the person's browser shows."""
        return self.is_bound and self.kind != (self.data.get("sign_in") or NONE)

    @property
    def is_rewritten(self) -> bool:
        """Whether the address is another one than the person's browser shows."""
        return self.is_bound and self.shown_url != self.data.get("server_url")

    @property
    def header_names(self) -> list[str]:
        """The names of the headers that are carried along."""
        config = self.entry.auth_config if self.entry else None
        return list((config or {}).get("headers", {}))

    @property
    def shown_url(self) -> str:
        """The address to show again; of a longer paste and its secrets nothing."""
        if self.entry is not None:
            return server_url.without_user(self.entry.server_url)
        text = str(self["server_url"].value() or "")
        return "" if paste.is_more_than_url(text) else server_url.without_user(text)

    @property
    def shown_name(self) -> str:
        """The name to show again; one that was pasted replaces a suggestion."""
        name = str(self["name"].value() or "")
        if self.entry is not None and not self.has_typed_name:
            return self.entry.name or name
        return name

    @property
    def sealed(self) -> str:
        """The credentials, for the hidden field; "" if there are none."""
        if self.entry is None:
            return str(self["kept"].value() or "")
        return kept.seal(
            user_id=self.user_id,
            url=self.entry.server_url,
            auth_config=self.entry.auth_config,
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if not self.errors:
            try:
                self.entry = self._understood(cleaned)
            except NotUnderstood as refusal:
                self.add_error("server_url", refusal.message)
            except InvalidInput as error:
                kind = cleaned["sign_in"] or TOKEN
                place_errors(self, error, credentials_field=kind)
        return cleaned

    def _understood(self, given: dict[str, Any]) -> Entry:
        pasted = paste.read(given["server_url"])
        config = self._credentials(given, pasted)
        url = pasted.url
        if given["try_url"]:
            if not fixes.keeps_credentials(old=url, new=given["try_url"]):
                config = None
            url = given["try_url"]
        return Entry(
            server_url=url,
            name=given["name"] if self.has_typed_name else pasted.name,
            auth_type="none" if config is None else "api_key",
            auth_config=config,
            is_pasted=pasted.auth_config is not None,
            notes=pasted.notes,
        )

    def _credentials(
        self, given: dict[str, Any], pasted: paste.Pasted
    ) -> dict[str, Any] | None:
        """Return what was pasted, or typed, or carried along; in this order.

        Raises:
            InvalidInput: there is none of the chosen kind, or it cannot be sent.
        """
        kind = given["sign_in"] or NONE
        if kind == NONE and pasted.missing:
            kind = TOKEN
        config = pasted.auth_config
        if config is None and kind != NONE:
            config = {kind: given[kind]} if given[kind] else None
            config = config or self._carried(given, kind, pasted)
        return auth.check_config("none" if config is None else "api_key", config)

    def _carried(
        self, given: dict[str, Any], kind: str, pasted: paste.Pasted
    ) -> dict[str, Any]:
        config = kept.unseal(given["kept"], user_id=self.user_id, url=pasted.url)
        if config is not None and kind in config:
            return config
        what = "the token" if kind == TOKEN else "the headers"
        if given["kept"]:
            why = f"Enter {what} again: the address is another server now."
        else:
            why = " ".join(pasted.notes) or f"Enter {what}."
        raise InvalidInput.at("auth_config", kind, msg=why, type_="required")
