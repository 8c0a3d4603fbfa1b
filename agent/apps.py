from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "agent"
    # The periodic work of this room, for connectors.ticker.
    jobs = "agent.jobs.JOBS"
    # What goes on once a person has signed in to a connector, for connectors.sign_in.
    after_sign_in = "agent.sign_ins.go_on"
