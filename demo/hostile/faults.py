"""Every way to be a bad server, by the name of its path."""

from demo.hostile.call_faults import CALL_FAULTS
from demo.hostile.exchange import Fault
from demo.hostile.handshake_faults import HANDSHAKE_FAULTS
from demo.hostile.http_faults import HTTP_FAULTS
from demo.hostile.listing_faults import LISTING_FAULTS
from demo.hostile.sse_faults import SSE_FAULTS
from demo.hostile.tool_faults import TOOL_FAULTS
from demo.hostile.wire_faults import WIRE_FAULTS

FAULTS: dict[str, Fault] = {
    **HTTP_FAULTS,
    **WIRE_FAULTS,
    **HANDSHAKE_FAULTS,
    **LISTING_FAULTS,
    **TOOL_FAULTS,
    **CALL_FAULTS,
    **SSE_FAULTS,
}
