"""Periodic work of this room; the worker's ticker does it."""

from asgiref.sync import sync_to_async

from connectors.ticker import Job
from systemtools.export import files


async def prune_exports() -> None:
    await sync_to_async(files.prune)()


JOBS = (Job(name="exports.prune", every_s=600, run=prune_exports),)
