"""Google Drive: announced, not built yet."""
