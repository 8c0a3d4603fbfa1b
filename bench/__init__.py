"""Measurements of the product, beside its tests."""
