"""Where the pages of connectors are. No slash at the end; ids are integers."""

from django.urls import path

from connectors.views import (
    add,
    catalogue,
    detail,
    edit,
    exporting,
    importing,
    manage,
    outcome,
    overview,
    sign_in,
    test,
    tools,
)
from connectors.views.answers import by_method

ONE = "connectors/<int:connector_id>"
# A sign-in to what is no connector yet.
DRAFT = "connectors/sign-in/<int:flow_id>"

urlpatterns = [
    path(
        "connectors",
        by_method(GET=overview.connectors, POST=add.save),
        name="connectors",
    ),
    path("connectors/add", add.add, name="connector-add"),
    path("catalogue", catalogue.known, name="catalogue"),
    path("catalogue/<slug:key>", catalogue.server, name="catalogue-entry"),
    path("connectors/test", test.test, name="connector-test"),
    path("connectors/import", importing.start, name="connector-import"),
    path("connectors/export", exporting.export, name="connector-export"),
    path("connectors/sign-in", sign_in.begin, name="sign-in-begin"),
    path(DRAFT, sign_in.permission, name="sign-in"),
    path(f"{DRAFT}/go", sign_in.go, name="sign-in-go"),
    path(f"{DRAFT}/client", sign_in.client, name="sign-in-client"),
    path("connectors/oauth/done", outcome.done, name="sign-in-done"),
    path("connectors/oauth/error", outcome.failed, name="sign-in-failed"),
    path(ONE, detail.connector, name="connector"),
    path(f"{ONE}/sign-in", sign_in.permission, name="connector-sign-in"),
    path(f"{ONE}/sign-in/go", sign_in.go, name="connector-sign-in-go"),
    path(f"{ONE}/sign-in/client", sign_in.client, name="connector-sign-in-client"),
    path(f"{ONE}/disconnect", manage.disconnect, name="connector-disconnect"),
    path(f"{ONE}/edit", edit.edit, name="connector-edit"),
    path(f"{ONE}/toggle", manage.toggle, name="connector-toggle"),
    path(f"{ONE}/retest", manage.retest, name="connector-retest"),
    path(f"{ONE}/delete", manage.delete, name="connector-delete"),
    path(f"{ONE}/tests/<int:test_id>", detail.transcript, name="connector-transcript"),
    # The name of a tool is its server's: it may have slashes.
    path(f"{ONE}/tools/<path:tool>", tools.run, name="connector-tool"),
]
