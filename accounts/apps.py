"""Who the person is: the custom User and their API tokens."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    # allauth's own app is called Accounts in the administration already.
    verbose_name = "People"

    def ready(self) -> None:
        # drf-spectacular finds extensions by their being imported.
        from accounts import openapi  # noqa: F401
