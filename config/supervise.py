"""Start web, worker and demo servers, and stop them together.

`python -m config.supervise [--reload]`, which `./dev run` calls. Prints one line
with the address once requests are answered. INT, TERM and HUP stop everything
within 8 s; so does the death of any child. A killed supervisor takes its
children along (`config.lifeline`).
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.children import CannotRun, Children
from config.probe import is_ready

START_S = 60.0
POLL_S = 0.1
SOURCES = ("accounts", "agent", "config", "connectors", "systemtools", "templates")

# --- What is started ---------------------------------------------------------


def start_all(children: Children, *, reload: bool) -> list[str]:
    """Start every process; return the lines to print once they are ready."""
    lines: list[str] = []
    env: dict[str, str] = {}
    if settings.DEVELOPMENT:
        # Here: an installation without development has no demo servers.
        from demo import ports

        chosen = demo_ports()
        lines += [f"Sign in as {make_demo_user()}", "Demo servers to connect:"]
        for place, port in zip(ports.PLACES, chosen, strict=True):
            note = f" ({place.note})" if place.note else ""
            lines.append(f"  {place.name}: {place.url(port)}{note}")
        lines += advice(chosen)
        if "EGRESS_ALLOW" not in os.environ:
            # Loopback is open for these ports, and for nothing else on it.
            entries = [f"{ports.HOST}/32:{port}" for port in chosen]
            env["EGRESS_ALLOW"] = ",".join(entries)
            env["DEMO_SERVERS"] = json.dumps(invitations(chosen))
            env |= demo_google(chosen)
        children.start("demo", "demo", DEMO_PORTS=",".join(map(str, chosen)))
    children.start("web", *web_argv(reload=reload), **env)
    children.start("worker", "django", "work", **env)
    return lines


def demo_ports() -> list[int]:
    """Choose the ports of the demo servers; raise CannotRun if that is impossible."""
    from demo import ports

    try:
        return ports.choose()
    except ports.PortTaken as problem:
        raise CannotRun(
            f"{problem} Change DEMO_PORTS, or stop what uses it."
        ) from problem
    except ValueError as problem:
        raise CannotRun(f"{problem}.") from problem


def advice(chosen: Sequence[int]) -> list[str]:
    """Say how to keep ports that are not the usual ones, for connectors to them."""
    from demo import ports

    if chosen == ports.USUAL or os.environ.get("DEMO_PORTS"):
        return []
    kept = ",".join(map(str, chosen))
    return [f"  The usual ports are taken. To keep these: DEMO_PORTS={kept} in .env"]


def invitations(chosen: Sequence[int]) -> list[dict[str, str]]:
    """Return what the first page offers to who has no server at hand."""
    from demo import ports

    return [
        {"name": place.name, "url": place.url(port), "about": place.invitation}
        for place, port in zip(ports.PLACES, chosen, strict=True)
        if place.invitation
    ]


def demo_google(chosen: Sequence[int]) -> dict[str, str]:
    """Return what makes Gmail work without an account; {} with a client of one's own.

    Egress is open for it: nobody chose what is reached.
    """
    from demo import ports

    if {"OAUTH_CLIENT_GOOGLE_ID", "GOOGLE_BASE_URLS"} & os.environ.keys():
        return {}
    url = ports.PLACES[-1].url(chosen[-1]).rstrip("/")
    names = ("accounts", "oauth", "gmail")
    return {
        "OAUTH_CLIENT_GOOGLE_ID": ports.GOOGLE_CLIENT_ID,
        "OAUTH_CLIENT_GOOGLE_SECRET": ports.GOOGLE_CLIENT_SECRET,
        "GOOGLE_BASE_URLS": ",".join(f"{name}={url}" for name in names),
    }


def make_demo_user() -> str:
    """Make sure that the demo person exists; return what the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "django", "demo_user"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CannotRun(f"No demo user could be made.\n{done.stderr.strip()}")
    return done.stdout.strip()


def web_argv(*, reload: bool) -> list[str]:
    argv = ["uvicorn", "config.asgi:application"]
    argv += ["--host", settings.HOST, "--port", str(settings.PORT)]
    argv += ["--lifespan", "on", "--loop", "uvloop", "--ws", "websockets-sansio"]
    argv += ["--no-access-log", "--no-server-header", "--log-level", "warning"]
    # Less than what Children.stop waits: open streams end before it kills.
    argv += ["--timeout-graceful-shutdown", "5"]
    if not settings.TRUST_PROXY:
        argv.append("--no-proxy-headers")
    if reload:
        argv += ["--reload", *(f"--reload-dir={folder}" for folder in SOURCES)]
    return argv


# --- The address -------------------------------------------------------------


def check_port() -> None:
    """Raise CannotRun if nobody could listen on HOST and PORT."""
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    address = (settings.HOST, settings.PORT)
    try:
        socket.create_server(address, family=family).close()
    except OSError as error:
        raise CannotRun(
            f"Cannot listen on {settings.HOST} port {settings.PORT}: "
            f"{os.strerror(error.errno or 0).lower()}. "
            "Set PORT to another one, or stop what uses it."
        ) from error


# --- The run -----------------------------------------------------------------


def supervise(children: Children, *, reload: bool) -> None:
    """Start everything, say so, and wait until it is time to stop."""
    check_port()
    lines = start_all(children, reload=reload)
    deadline = time.monotonic() + START_S
    while not is_ready(settings.HOST, settings.PORT):
        if children.wait(POLL_S):
            return
        if time.monotonic() > deadline:
            raise CannotRun(f"No answer from /readyz after {START_S:g} seconds.")
    say(f"Patchbay runs at {settings.PUBLIC_URL}", *lines)
    children.wait()


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main(argv: Sequence[str]) -> int:
    """Run until a signal (0), or until something fails (1)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    parser = argparse.ArgumentParser(prog="python -m config.supervise")
    parser.add_argument("--reload", action="store_true", help="follow the source")
    options = parser.parse_args(argv)
    try:
        children = Children(folder=settings.BASE_DIR)
        children.listen()
        try:
            supervise(children, reload=options.reload)
        finally:
            children.stop()
    except (CannotRun, ImproperlyConfigured) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
