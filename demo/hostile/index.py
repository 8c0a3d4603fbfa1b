"""The page that lists the faults."""

from collections.abc import Mapping
from html import escape

from demo.hostile.exchange import Fault

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Broken on purpose</title></head>
<body>
<h1>Broken on purpose</h1>
<p>Each address is an MCP server that fails in one way. Paste one into Patchbay to
see what it says.</p>
<table>
<thead><tr><th scope="col">Address</th><th scope="col">What it does</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def index_page(origin: str, faults: Mapping[str, Fault]) -> str:
    """List every path and what it promises."""
    rows = "\n".join(
        f"<tr><td><code>{escape(f'{origin}/{name}')}</code></td>"
        f"<td>{escape(fault.about)}</td></tr>"
        for name, fault in faults.items()
    )
    return PAGE.format(rows=rows)
