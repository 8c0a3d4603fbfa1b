import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.ports import (
    HOST,
    PLACES,
    PortTaken,
    bind,
    choose,
    free_ports,
    wanted_ports,
)


@contextmanager
def holding() -> Iterator[list[int]]:
    """Hold a port for each place, as another run would."""
    listeners = bind()
    try:
        yield [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def test_nobody_chose_ports() -> None:
    assert wanted_ports({}) == []
    assert wanted_ports({"DEMO_PORTS": " "}) == []


def test_chosen_ports_are_one_for_each_server() -> None:
    wanted = "9001, 9002,9003,9004, 9005,9006,9007"
    assert wanted_ports({"DEMO_PORTS": wanted}) == list(range(9001, 9008))


@pytest.mark.parametrize(
    "text",
    [
        "9001",
        "a,b,c,d,e,f,g",
        "1,2,3,4,5,6,6",
        "1,2,3,4,5,6,65536",
        "0,1,2,3,4,5,6",
        "1,2,3,4",
        "1,2,3,4,5,6,7,8",
    ],
)
def test_other_choices_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="DEMO_PORTS must name 7 different ports"):
        wanted_ports({"DEMO_PORTS": text})


def test_sockets_are_bound_to_loopback_in_the_order_of_the_places() -> None:
    listeners = bind()
    addresses = [listener.getsockname() for listener in listeners]
    for listener in listeners:
        listener.close()
    assert len(addresses) == len(PLACES)
    assert {host for host, _ in addresses} == {HOST}
    ports = [port for _, port in addresses]
    assert ports == sorted(ports)
    assert all(port >= place.port for port, place in zip(ports, PLACES, strict=True))


def test_a_taken_port_moves_the_server_to_the_next_free_one() -> None:
    taken = bind()
    first = [listener.getsockname()[1] for listener in taken]
    second = free_ports()
    for listener in taken:
        listener.close()
    assert not set(first) & set(second)
    assert second == sorted(second)
    assert second[0] > first[0]


def test_a_chosen_port_that_is_taken_is_not_replaced() -> None:
    taken = bind()
    ports = [listener.getsockname()[1] for listener in taken]
    with pytest.raises(PortTaken, match=str(ports[0])):
        bind(ports)
    for listener in taken:
        listener.close()


def test_a_taken_port_leaves_no_other_one_bound() -> None:
    taken = bind()
    free = free_ports()
    wanted = [*free[:3], taken[3].getsockname()[1]]
    with pytest.raises(PortTaken):
        bind(wanted)
    for listener in taken:
        listener.close()
    socket.create_server((HOST, free[0])).close()


# --- What a run chooses ------------------------------------------------------


def test_chosen_ports_are_used_or_nothing_is() -> None:
    wanted = free_ports()
    assert choose({"DEMO_PORTS": ",".join(map(str, wanted))}) == wanted
    with holding() as held, pytest.raises(PortTaken, match=str(held[0])):
        choose({"DEMO_PORTS": ",".join(map(str, held))}, patience_s=0)


def test_without_a_choice_what_is_free_is_used() -> None:
    with holding() as held:
        assert not set(held) & set(choose({}, patience_s=0))


def test_a_run_that_is_ending_is_waited_for() -> None:
    wanted = free_ports()
    ending = socket.create_server((HOST, wanted[3]))
    threading.Timer(0.2, ending.close).start()
    chosen = {"DEMO_PORTS": ",".join(map(str, wanted))}
    assert choose(chosen, patience_s=30) == wanted


def test_a_place_knows_its_address() -> None:
    assert PLACES[0].url(9001) == "http://127.0.0.1:9001/mcp"
    assert PLACES[1].url(9002) == "http://127.0.0.1:9002/sse"
