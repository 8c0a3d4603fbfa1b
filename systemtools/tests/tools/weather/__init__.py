"""A tool that is set up first."""
