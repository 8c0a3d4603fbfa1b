"""The installation: settings, URLs, processes, error table, logging, checks."""
