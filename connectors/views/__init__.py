"""The pages of connectors: each view reads a form, makes one domain call, answers."""
