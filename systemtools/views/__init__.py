"""The pages of system tools: each view reads a form, makes one domain call, answers."""
