"""Import at the start of a process what its first answer would wait for."""

import importlib
from contextlib import suppress

from agent import providers
from agent.errors import ModelFailure


async def preload() -> None:
    """Import what a model's answer needs: half a second in which nothing else runs.

    What is wrong with the settings of the model is said in answers, not here.
    """
    if providers.is_direct():
        return
    importlib.import_module("agent.engine")
    with suppress(ModelFailure):
        async with providers.model():
            pass
