from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "agent"
    # The periodic work of this room, for connectors.ticker.
    jobs = "agent.jobs.JOBS"
