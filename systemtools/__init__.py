"""Tools that this installation offers; may import the ground floor of connectors."""
