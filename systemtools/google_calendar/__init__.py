"""Google Calendar: announced, not built yet."""
