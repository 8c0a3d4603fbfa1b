"""What a person signs in to, and the addresses of the way there."""

from dataclasses import dataclass, field, replace
from typing import Any

from asgiref.sync import sync_to_async
from django.urls import reverse

from connectors import (
    cards,
    catalogue,
    consent,
    flows,
    manager,
    reports,
    saving,
    sign_in,
)
from connectors import server_url as urls
from connectors.consent import Consent
from connectors.views.answers import PageRequest, person


@dataclass(frozen=True, kw_only=True)
class Place:
    """A connector, or what becomes one; `consent` is what is known without asking."""

    name: str
    server_url: str
    auth_config: dict[str, Any] | None = field(repr=False)
    consent: Consent | None
    # The route of its page, and the id in it.
    route: str
    id: int
    connector_id: int | None
    account: str = ""
    # Who made it, as far as it is known here.
    made_by: str = ""
    from_chat: bool = False

    @property
    def host(self) -> str:
        return urls.host(self.server_url)

    @property
    def developer(self) -> str:
        """Who made it, as far as anybody knows: at least whose host it is on."""
        return self.made_by or self.host

    @property
    def monogram(self) -> str:
        return cards.monogram(self.name)

    @property
    def page_url(self) -> str:
        return self._at(self.route)

    @property
    def ask_url(self) -> str:
        return f"{self.page_url}{'&' if self.from_chat else '?'}look=1"

    @property
    def go_url(self) -> str:
        return self._at(f"{self.route}-go")

    @property
    def client_url(self) -> str:
        return self._at(f"{self.route}-client")

    @property
    def back_url(self) -> str:
        """Where *Not now* leads."""
        if self.connector_id is None:
            return reverse("connectors")
        return reverse("connector", args=[self.connector_id])

    def _at(self, route: str) -> str:
        query = "?from=chat" if self.from_chat else ""
        return reverse(route, args=[self.id]) + query


async def of(request: PageRequest, *, flow_id: int, connector_id: int) -> Place:
    """Return what an address means; one of the ids is 0.

    Raises:
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
        SecretUnreadable: its client settings cannot be opened.
    """
    user_id = await person(request)
    if connector_id:
        found = await sync_to_async(_connector)(user_id, connector_id)
    else:
        found = await sync_to_async(_draft)(user_id, flow_id)
    return replace(found, from_chat=request.GET.get("from") == "chat")


def _connector(user_id: int, connector_id: int) -> Place:
    row = manager.get(user_id=user_id, connector_id=connector_id)
    saving.refuse_removed(row)
    return Place(
        name=row.name,
        server_url=row.server_url,
        auth_config=flows.client_settings(row),
        consent=consent.of_grant(getattr(row, "grant", None)),
        route="connector-sign-in",
        id=row.pk,
        connector_id=row.pk,
        account=cards.account(row),
        made_by=_developer(row.server_url),
    )


def _draft(user_id: int, flow_id: int) -> Place:
    draft = sign_in.draft_of(user_id=user_id, flow_id=flow_id)
    if draft.connector_id is not None and not draft.server_url:
        # What was prepared is a connector by now.
        return _connector(user_id, draft.connector_id)
    known = catalogue.at(draft.server_url)
    name = draft.name or (known.name if known else "")
    name = name or reports.suggested_name(url=draft.server_url)
    if draft.connector_id is not None:
        name = _connector(user_id, draft.connector_id).name
    return Place(
        name=name,
        server_url=draft.server_url,
        auth_config=draft.auth_config,
        consent=consent.of_draft(draft),
        route="sign-in",
        id=flow_id,
        connector_id=draft.connector_id,
        made_by=known.developer if known else "",
    )


def _developer(url: str) -> str:
    known = catalogue.at(url)
    return known.developer if known else ""
