from django.apps import AppConfig


class SystemToolsConfig(AppConfig):
    name = "systemtools"
    verbose_name = "system tools"
    # What is noted once a person has signed in to a tool, for connectors.exchanges.
    after_sign_in = "systemtools.sign_in.note"
    # What begins the wire names of tools here, for connectors.models.
    reserved_slugs = "systemtools.registry.ids"
    # The periodic work of this room, for connectors.ticker.
    jobs = "systemtools.jobs.JOBS"

    def ready(self) -> None:
        from systemtools import checks  # noqa: F401
