"""Whoever uses tools on a person's behalf; may import every room but config."""
