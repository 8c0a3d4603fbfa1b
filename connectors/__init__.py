"""A person's remote MCP servers: tested, kept, called."""
