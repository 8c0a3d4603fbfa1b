"""A tool that is signed in to."""
