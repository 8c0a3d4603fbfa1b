"""Known servers: hidden, changed, added, and given the operator's client.

The secret of a client is written and never shown again.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from connectors import catalogue, catalogue_file, client_identity, server_url
from connectors.admin.looking import LookOnlyAdmin
from connectors.auth.oauth import endpoints
from connectors.catalogue import NONE, OAUTH, TOKEN
from connectors.errors import InvalidUrl, SignInFailed
from connectors.models import NAME_CHARS, CatalogueEntry

AS_IT_IS = ("", "as it is known")
SIGN_INS = (AS_IT_IS, (NONE, "None"), (TOKEN, "Token"), (OAUTH, "OAuth"))
REGISTRATIONS = (
    AS_IT_IS,
    ("dcr", "Patchbay registers itself"),
    ("cimd", "Patchbay introduces itself by its address"),
    ("static", "The operator registers a client"),
    ("unknown", "Found out on connecting"),
)
# The facts that can be said here in place of those of the file.
SAID = (
    "name",
    "category",
    "server_url",
    "sign_in",
    "registration",
    "description",
    "capabilities",
    "developer",
    "website",
    "privacy_policy",
    "note",
    "issuer",
)
CLIENT = ("client_id", "new_secret", "issuer")
MAX_CAPABILITIES = 20


class EntryForm(forms.ModelForm[CatalogueEntry]):
    """A known server as administrators change it; what is empty stays as it was."""

    name = forms.CharField(required=False, max_length=NAME_CHARS)
    category = forms.ChoiceField(
        required=False, choices=[AS_IT_IS, *catalogue_file.CATEGORIES.items()]
    )
    server_url = forms.CharField(required=False, max_length=server_url.MAX_CHARS)
    sign_in = forms.ChoiceField(required=False, choices=SIGN_INS)
    registration = forms.ChoiceField(
        required=False, choices=REGISTRATIONS, label="Client at its sign-in"
    )
    description = forms.CharField(required=False, max_length=500)
    capabilities = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line.",
    )
    developer = forms.CharField(required=False, max_length=NAME_CHARS)
    website = forms.URLField(required=False, assume_scheme="https")
    privacy_policy = forms.URLField(required=False, assume_scheme="https")
    note = forms.CharField(required=False, max_length=500)
    issuer = forms.CharField(
        required=False,
        max_length=500,
        help_text="The only sign-in service that the client is used at. Empty: the one "
        "that the server names.",
    )
    # Not the name of the column, which no form may have.
    new_secret = forms.CharField(
        label="Client secret",
        required=False,
        max_length=4000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Never shown again. Left empty: the stored one stays, if there is "
        "one, as long as there is a client id.",
    )

    class Meta:
        model = CatalogueEntry
        fields = ("key", "hidden", "client_id")
        help_texts = {
            "key": "That of a known server changes it, any other adds one. Known: "
            + ", ".join(catalogue_file.servers()),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SAID:
            said = self.instance.fields.get(name, "")
            is_list = isinstance(said, list)
            self.initial.setdefault(name, "\n".join(said) if is_list else said)

    def clean_server_url(self) -> str:
        url = str(self.cleaned_data["server_url"])
        try:
            return server_url.check(url) if url else ""
        except InvalidUrl as refusal:
            raise forms.ValidationError(refusal.message) from None

    def clean_issuer(self) -> str:
        issuer = str(self.cleaned_data["issuer"]).strip()
        try:
            if issuer:
                endpoints.check(issuer)
        except SignInFailed:
            raise forms.ValidationError("This is no https address.") from None
        return issuer

    def clean_capabilities(self) -> list[str]:
        lines = str(self.cleaned_data["capabilities"]).splitlines()
        return [line.strip() for line in lines if line.strip()][:MAX_CAPABILITIES]

    def clean(self) -> dict[str, Any]:
        # Django's own makes it check that the key is not taken.
        super().clean()
        given: dict[str, Any] = self.cleaned_data
        is_known = given.get("key") in catalogue_file.servers()
        for name in ("name", "server_url"):
            if not is_known and not given.get(name) and name not in self.errors:
                self.add_error(name, "A server that is added needs it.")
        if given.get("new_secret") and not given.get("client_id"):
            self.add_error("new_secret", "A secret needs its client id.")
        return given

    def save(self, commit: bool = True) -> CatalogueEntry:
        row, given = self.instance, self.cleaned_data
        row.added_by_admin = row.key not in catalogue_file.servers()
        row.fields = {name: given[name] for name in SAID if given[name]}
        if secret := given["new_secret"].strip():
            row.client_secret = {"client_secret": secret}
        elif not row.client_id:
            row.client_secret = None
        return super().save(commit)


@admin.register(CatalogueEntry)
class CatalogueEntryAdmin(LookOnlyAdmin[CatalogueEntry]):
    """Changes of the catalogue; deleting one leaves what the file says."""

    form = EntryForm
    actions = None
    list_display = ("key", "shown_name", "hidden", "added_by_admin", "client")
    list_filter = ("hidden", "added_by_admin")
    search_fields = ("key", "client_id")
    readonly_fields = ("back_to", "has_secret", "client", "created_at", "updated_at")

    @admin.display(description="name")
    def shown_name(self, entry: CatalogueEntry) -> str:
        known = catalogue_file.servers().get(entry.key)
        return str(entry.fields.get("name") or (known.name if known else ""))

    @admin.display(description="client in use")
    def client(self, entry: CatalogueEntry) -> str:
        if catalogue.is_in_environment(entry.key):
            return "of the environment"
        return "of this page" if entry.client_id else "none"

    @admin.display(description="redirect URI to register there")
    def back_to(self, entry: CatalogueEntry) -> str:
        return client_identity.redirect_uri()

    @admin.display(description="secret", boolean=True)
    def has_secret(self, entry: CatalogueEntry) -> bool:
        return entry.client_secret is not None

    def get_fieldsets(
        self, request: HttpRequest, obj: CatalogueEntry | None = None
    ) -> Any:
        facts = [name for name in SAID if name not in CLIENT]
        seen = self.readonly_fields if obj else ("back_to",)
        return [
            (None, {"fields": ("key", "hidden")}),
            ("What is said here in place of what is known", {"fields": facts}),
            ("The operator's client", {"fields": (*CLIENT, *seen)}),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super(LookOnlyAdmin, self).has_add_permission(request)

    def has_change_permission(
        self, request: HttpRequest, obj: CatalogueEntry | None = None
    ) -> bool:
        return super(LookOnlyAdmin, self).has_change_permission(request, obj)

    def has_delete_permission(
        self, request: HttpRequest, obj: CatalogueEntry | None = None
    ) -> bool:
        return super(LookOnlyAdmin, self).has_delete_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogueEntry]:
        return super().get_queryset(request).order_by("key")
