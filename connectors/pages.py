"""Where the pages of connectors are. No slash at the end; ids are integers."""

from django.urls import path

from connectors.views import add, detail, edit, manage, overview, test, tools
from connectors.views.answers import by_method

ONE = "connectors/<int:connector_id>"

urlpatterns = [
    path(
        "connectors",
        by_method(GET=overview.connectors, POST=add.save),
        name="connectors",
    ),
    path("connectors/add", add.add, name="connector-add"),
    path("connectors/test", test.test, name="connector-test"),
    path(ONE, detail.connector, name="connector"),
    path(f"{ONE}/edit", edit.edit, name="connector-edit"),
    path(f"{ONE}/toggle", manage.toggle, name="connector-toggle"),
    path(f"{ONE}/retest", manage.retest, name="connector-retest"),
    path(f"{ONE}/delete", manage.delete, name="connector-delete"),
    path(f"{ONE}/tests/<int:test_id>", detail.transcript, name="connector-transcript"),
    # The name of a tool is its server's: it may have slashes.
    path(f"{ONE}/tools/<path:tool>", tools.run, name="connector-tool"),
]
