from typing import Any


def configure(settings: dict[str, Any]) -> None: ...
