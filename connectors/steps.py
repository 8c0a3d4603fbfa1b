"""The steps of a connection test, in order, each timed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

StepName = Literal["url", "address", "connection", "sign_in", "handshake", "tools"]
StepStatus = Literal["running", "passed", "warning", "failed", "skipped"]
STEPS: tuple[StepName, ...] = (
    "url",
    "address",
    "connection",
    "sign_in",
    "handshake",
    "tools",
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a test. `duration_ms` is null while it runs or was skipped."""

    step: StepName
    status: StepStatus
    message: str = ""
    duration_ms: int | None = None


class Track:
    """The steps of one test, in order, each timed."""

    def __init__(self, emit: Callable[[Step], None]) -> None:
        self.current: StepName | None = None
        self.finished: list[Step] = []
        self._emit = emit
        self._began = self._step_began = time.monotonic()

    @property
    def total_ms(self) -> int:
        return _ms_since(self._began)

    def start(self, name: StepName) -> None:
        self.current, self._step_began = name, time.monotonic()
        self._emit(Step(step=name, status="running"))

    def end(self, status: StepStatus, message: str) -> None:
        if self.current is None:
            return
        took_ms = _ms_since(self._step_began)
        self._add(
            Step(step=self.current, status=status, message=message, duration_ms=took_ms)
        )
        self.current = None

    def amend(self, name: StepName, message: str) -> None:
        """Add to what a step that has passed says in the result."""
        self.finished = [
            replace(step, message=f"{step.message} {message}".strip())
            if step.step == name
            else step
            for step in self.finished
        ]

    def fail(self, name: StepName, message: str) -> None:
        """End with a failure at `name`: what comes after it was not proven."""
        place = STEPS.index(name)
        before = STEPS[:place]
        self.finished = [step for step in self.finished if step.step in before]
        done = {step.step for step in self.finished}
        for step in before:
            if step not in done:
                self._add(Step(step=step, status="skipped"))
        self.current = name
        self.end("failed", message)
        for step in STEPS[place + 1 :]:
            self._add(Step(step=step, status="skipped"))

    def _add(self, step: Step) -> None:
        self.finished.append(step)
        self._emit(step)


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
