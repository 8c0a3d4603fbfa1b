from django.apps import AppConfig


class SystemToolsConfig(AppConfig):
    name = "systemtools"

    def ready(self) -> None:
        from systemtools import checks  # noqa: F401
