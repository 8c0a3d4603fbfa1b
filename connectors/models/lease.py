"""Leases, by which several processes share out periodic work."""

from django.db import models


class Lease(models.Model):
    """Who of several processes does a periodic job now."""

    name = models.CharField(max_length=64, unique=True)
    owner = models.CharField(max_length=64, blank=True, default="")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
