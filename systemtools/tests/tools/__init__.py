"""System tools that only the tests have: `settings.SYSTEM_TOOL_PACKAGES` names it."""
