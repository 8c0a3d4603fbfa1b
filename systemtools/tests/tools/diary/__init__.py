"""A tool that everybody may use."""
