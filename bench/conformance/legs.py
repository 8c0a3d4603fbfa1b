"""The legs of the measurement, and what is not expected of a leg."""

from dataclasses import dataclass

_LATER = "comes later, together with DPoP and workload identity"
_MACHINE = f"signs in a machine, not a person: {_LATER}"
_EMPLOYER = f"an employer's identity provider signs the person in: {_LATER}"

# Scenario -> why it is not passed. One that passes is told as passed all the same.
EXCEPTIONS = {
    "auth/client-credentials-jwt": _MACHINE,
    "auth/client-credentials-basic": _MACHINE,
    "auth/cross-app-access-complete-flow": _EMPLOYER,
}
# These measure time, and may be wrong once on a machine that is busy.
TIMED = frozenset({"sse-retry"})


@dataclass(frozen=True, kw_only=True)
class Leg:
    """Scenarios of one version of the suite, for one revision if it knows several."""

    name: str
    # The alias in package.json.
    package: str
    revision: str = ""

    @property
    def options(self) -> list[str]:
        return ["--spec-version", self.revision] if self.revision else []


LEGS = (
    Leg(name="0.1.16", package="conformance-0.1.16"),
    Leg(
        name="2025-11-25",
        package="conformance-0.2.0-alpha.12",
        revision="2025-11-25",
    ),
    Leg(
        name="2026-07-28",
        package="conformance-0.2.0-alpha.12",
        revision="2026-07-28",
    ),
)
