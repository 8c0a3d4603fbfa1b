"""The pages of the agent: each view reads a form, makes one domain call, answers."""
