"""`python -m demo`: start every demo server and say where they are."""

import asyncio
import sys

from demo.ports import PLACES, PortTaken, bind, wanted_ports


def main() -> int:
    """Serve until INT or TERM; 1 when a chosen port is taken or no port."""
    try:
        chosen = wanted_ports()
        listeners = bind(chosen)
    except (PortTaken, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    # Here: the SDK takes a second to import, and a taken port is known before.
    from demo import serving

    serving.leave_quietly()
    serving.quiet_logs()
    ports = [listener.getsockname()[1] for listener in listeners]
    asyncio.run(serving.serve(listeners, announcement(ports, chosen=bool(chosen))))
    return 0


def announcement(ports: list[int], *, chosen: bool) -> list[str]:
    """Name the servers, unless whoever chose the ports knows them already."""
    if chosen:
        return ["The demo servers are ready."]
    lines = ["Demo servers, until Ctrl-C:"]
    for place, port in zip(PLACES, ports, strict=True):
        token = f" Token: {place.token}" if place.token else ""
        lines.append(f"  {place.name:<18} {place.url(port):<28} {place.about}{token}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
