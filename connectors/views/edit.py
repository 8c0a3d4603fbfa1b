"""Edit a connector: what changes where it dials, or as whom, is tested first."""

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from connectors import activity, cards, manager, saving, signed_in
from connectors.edit_form import EditForm
from connectors.errors import (
    DuplicateName,
    DuplicateUrl,
    InvalidInput,
    NotVerified,
    SecretUnreadable,
    TooManyRequests,
)
from connectors.form_fields import place_errors
from connectors.models import UserMCPConnection
from connectors.validator import ValidationResult
from connectors.views.answers import PageRequest, done, fragment, page, person


@page("GET", "POST")
async def edit(request: PageRequest, connector_id: int) -> HttpResponse:
    """Show the form; when it is posted, test what needs a test, and save."""
    user_id = await person(request)
    row = await sync_to_async(manager.get)(user_id=user_id, connector_id=connector_id)
    saving.refuse_removed(row)
    if request.method != "POST":
        form = EditForm(connector=row)
        if suggested := request.GET.get("server_url"):
            form.initial["server_url"] = suggested
        return _show(request, form)
    form = EditForm(request.POST, connector=row)
    refused: dict[str, Any] = {}
    if form.is_valid():
        try:
            saved = await _save(form, user_id=user_id)
        except NotVerified as error:
            refused = {"failure": _failure(error.test)}
        except DuplicateUrl:
            refused = {"is_duplicate": True}
        else:
            if saved is not None:
                address = reverse("connector", args=[saved.pk])
                return done(request, address, f"{saved.name} was saved.")
    return _show(request, form, refused, status=422)


async def _save(form: EditForm, *, user_id: int) -> UserMCPConnection | None:
    """Save the edit; None if the form now says at its fields why not."""
    try:
        return await manager.update(
            user_id=user_id, connector_id=form.connector.pk, changes=form.changes()
        )
    except InvalidInput as error:
        place_errors(form, error, credentials_field=form.credentials_field)
    except DuplicateName as error:
        form.add_error("name", error.message)
    except SecretUnreadable as error:
        form.add_error(form.credentials_field, error.message)
    except TooManyRequests as error:
        form.add_error(None, error.message)
    return None


def _show(
    request: PageRequest,
    form: EditForm,
    refused: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    grant = getattr(form.connector, "grant", None)
    shown = {
        "nav": "connectors",
        "form": form,
        "signed_in": signed_in.of(grant) if grant else None,
        "card": cards.card(form.connector),
        "test_s": settings.TEST_TIMEOUT_S,
        **(refused or {}),
    }
    if request.htmx:
        return fragment(request, "edit.html#form", shown, status=status)
    return TemplateResponse(request, "connectors/edit.html", shown, status=status)


def _failure(result: ValidationResult) -> dict[str, Any]:
    """Return what is shown of a test that did not prove the edit."""
    return {
        "code": result.error_code,
        "message": result.error_message,
        "suggestion": result.suggestion,
        "steps": activity.step_lines(result.steps),
    }
