"""The supervisor, started for real: web, worker, demo servers, and their end."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import supervise
from config.children import STOP_S
from config.tests.processes import (
    Program,
    Watch,
    command,
    descendants,
    environment,
    free_port,
    get,
    is_open,
    migrated,
    rest,
)
from demo import ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SLACK_S = 6.0
START_LIMIT_S = 60.0

Start = Callable[..., Program]


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = Path(__file__).parent.parent.parent
    return migrated(tmp_path_factory.mktemp("supervised"), root)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(port: int, database_url: str, project_root: Path) -> Iterator[Start]:
    """Run the supervisor; whatever happens, nothing of it is left."""
    started: list[Program] = []

    def run(*argv: str, **env: str) -> Program:
        defaults = {
            "PORT": str(port),
            "DATABASE_URL": database_url,
            "DEVELOPMENT": "on",
            # The usual ones belong to whatever else runs here: a person's `./dev run`,
            # or a test beside this one.
            "DEMO_PORTS": ",".join(str(free_port()) for _ in ports.PLACES),
        }
        program = Program(
            ["-m", "config.supervise", *argv], root=project_root, env=defaults | env
        )
        started.append(program)
        return program

    yield run
    for program in started:
        program.end()


def family(program: Program) -> dict[str, int]:
    """Return the supervisor's children by what they run."""
    found = {}
    for pid in descendants(program.process.pid):
        for name, sign in (
            ("web", "config.lifeline uvicorn"),
            ("worker", "config.lifeline django work"),
            ("demo", "config.lifeline demo"),
        ):
            if sign in command(pid):
                found[name] = pid
    return found


def test_it_starts_everything_and_ctrl_c_stops_everything(
    start: Start, port: int
) -> None:
    program = start()
    address = program.line("Patchbay", of=program.out)
    assert address == f"Patchbay runs at http://127.0.0.1:{port}"
    assert get(port, "/readyz") == 200
    assert program.line("Sign in", of=program.out) == "Sign in as demo / demo"
    last = program.line("Demo Google", of=program.out)
    demo_port = int(last.rpartition(":")[2].partition("/")[0])
    assert is_open(demo_port)
    children = family(program)
    assert set(children) == {"web", "worker", "demo"}
    everyone = Watch(descendants(program.process.pid))

    os.kill(program.process.pid, signal.SIGINT)
    assert program.wait(STOP_S + SLACK_S) == 0
    assert everyone.wait(0.1) == set()
    assert not is_open(port)
    assert not is_open(demo_port)
    assert [line for line in rest(program.err) if "Traceback" in line] == []


def test_only_the_ports_of_the_demo_servers_may_be_dialled(start: Start) -> None:
    program = start()
    journal = program.line("Journal", of=program.out)
    last = program.line("Demo Google", of=program.out)
    children = family(program)
    ports = environment(children["demo"])["DEMO_PORTS"].split(",")
    assert ports[-1] in last
    allowed = ",".join(f"127.0.0.1/32:{number}" for number in ports)
    for name in ("web", "worker"):
        assert environment(children[name])["EGRESS_ALLOW"] == allowed
    assert "EGRESS_ALLOW" not in environment(children["demo"])
    invited = json.loads(environment(children["web"])["DEMO_SERVERS"])
    assert invited[-1]["url"] in journal


def test_gmail_can_be_tried_without_an_account(start: Start) -> None:
    program = start()
    google = program.line("Demo Google", of=program.out)
    for name in ("web", "worker"):
        told = environment(family(program)[name])
        address = told["GOOGLE_BASE_URLS"].partition("gmail=")[2]
        assert f"{address}/" in google
        assert told["OAUTH_CLIENT_GOOGLE_ID"]


def test_a_client_of_ones_own_at_google_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OAUTH_CLIENT_GOOGLE_ID", "mine")
    assert supervise.demo_google(ports.USUAL) == {}


def test_the_ports_of_the_demo_servers_can_be_chosen(start: Start) -> None:
    wanted = ",".join(map(str, ports.free_ports()))
    program = start(DEMO_PORTS=wanted)
    program.line("Patchbay", of=program.out)
    children = family(program)
    assert environment(children["demo"])["DEMO_PORTS"] == wanted
    allowed = environment(children["web"])["EGRESS_ALLOW"]
    assert [entry.rpartition(":")[2] for entry in allowed.split(",")] == (
        wanted.split(",")
    )


def test_a_chosen_port_that_is_taken_is_one_sentence(start: Start) -> None:
    first, *others = ports.free_ports()
    with socket.create_server((ports.HOST, first)):
        program = start(DEMO_PORTS=",".join(map(str, [first, *others])))
        assert program.wait(START_LIMIT_S) == 1
    assert rest(program.err) == [
        f"Port {first} is already in use. Change DEMO_PORTS, or stop what uses it."
    ]


def test_how_to_keep_other_ports_than_usual_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DEMO_PORTS", raising=False)
    assert supervise.advice(ports.USUAL) == []
    others = list(range(9001, 9008))
    (said,) = supervise.advice(others)
    assert "DEMO_PORTS=9001,9002,9003,9004,9005,9006,9007 in .env" in said
    monkeypatch.setenv("DEMO_PORTS", "9001,9002,9003,9004,9005,9006,9007")
    assert supervise.advice(others) == []


def test_killing_the_supervisor_leaves_nobody(start: Start, port: int) -> None:
    program = start()
    program.line("Patchbay", of=program.out)
    everyone = Watch(descendants(program.process.pid))
    os.kill(program.process.pid, signal.SIGKILL)
    assert program.process.wait(10) == -signal.SIGKILL
    assert everyone.wait(STOP_S + SLACK_S) == set()
    assert not is_open(port)


@pytest.mark.parametrize("name", ["web", "worker", "demo"])
def test_the_death_of_one_stops_all(name: str, start: Start, port: int) -> None:
    program = start()
    program.line("Patchbay", of=program.out)
    everyone = Watch(descendants(program.process.pid))
    os.kill(family(program)[name], signal.SIGKILL)
    assert program.wait(STOP_S + SLACK_S) == 1
    assert everyone.wait(0.1) == set()
    assert f"{name} stopped (SIGKILL)." in rest(program.err)


def test_outside_of_development_there_is_no_demo(start: Start, port: int) -> None:
    public = f"http://127.0.0.1:{port}"
    program = start(DEVELOPMENT="off", PUBLIC_URL=public, EGRESS_ALLOW="")
    assert program.line("Patchbay", of=program.out).endswith(public)
    assert set(family(program)) == {"web", "worker"}
    os.kill(program.process.pid, signal.SIGTERM)
    assert program.wait(STOP_S + SLACK_S) == 0
    assert rest(program.out) == []


def test_unsafe_settings_stop_everything_with_the_reason(start: Start) -> None:
    program = start(DEVELOPMENT="off", DEBUG="on")
    assert program.wait(START_LIMIT_S) == 1
    said = "\n".join(rest(program.err))
    assert "patchbay.E006" in said
    assert "stopped (exit code" in said


def test_a_port_that_is_taken_is_one_sentence(start: Start, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        program = start()
        assert program.wait(START_LIMIT_S) == 1
    assert rest(program.out) == []
    assert rest(program.err) == [
        f"Cannot listen on 127.0.0.1 port {port}: address already in use."
        " Set PORT to another one, or stop what uses it."
    ]


def test_missing_secrets_are_one_sentence(start: Start) -> None:
    program = start(SECRET_KEY="")
    assert program.wait(START_LIMIT_S) == 1
    assert rest(program.err) == [
        "SECRET_KEY is not set. `./dev secrets` prints new ones for .env."
    ]


def test_newcomers_are_invited_to_what_works_asks_fails_and_signs_in() -> None:
    invited = supervise.invitations(list(range(9001, 9008)))
    assert [(server["name"], server["url"]) for server in invited] == [
        ("Notes", "http://127.0.0.1:9001/mcp"),
        ("Releases", "http://127.0.0.1:9003/mcp"),
        ("Broken on purpose", "http://127.0.0.1:9004/mcp"),
        ("Journal", "http://127.0.0.1:9005/mcp"),
    ]
    assert all(server["about"] for server in invited)


def test_the_web_process_follows_the_source_on_request_only() -> None:
    assert not [flag for flag in supervise.web_argv(reload=False) if "reload" in flag]
    argv = supervise.web_argv(reload=True)
    assert "--reload" in argv
    assert "--reload-dir=connectors" in argv
