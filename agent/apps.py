from django.apps import AppConfig


class AgentConfig(AppConfig):
    name = "agent"
    # The periodic work of this room, for connectors.ticker.
    jobs = "agent.jobs.JOBS"
    # What there is of a person that can be taken along, for systemtools.export.
    takeout = "agent.takeout"
    # What goes on once a person has signed in somewhere, for connectors.callbacks.
    after_sign_in = "agent.sign_ins.go_on"
