"""The pages of the authority: who asks for what, what went wrong, the switches."""

from dataclasses import Field, fields
from html import escape
from typing import Any

from demo.authority.authority import Authority
from demo.authority.records import ACCOUNTS, SCOPES, Asked

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
<p class="site">{site}</p>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
STYLE = """body { margin: 0; background: #f3f1ec; color: #23211d;
  font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 8vh auto; padding: 2rem; background: #fff;
  border: 1px solid #d9d4c8; border-radius: .75rem; }
main:has(table) { max-width: 52rem; margin: 2rem auto; }
h1 { margin: 0 0 1rem; font-size: 1.375rem; line-height: 1.3; }
h2 { margin: 2rem 0 .5rem; font-size: 1.125rem; }
.site { margin: 0 0 .25rem; color: #6a655a; font-size: .875rem; }
fieldset { margin: 1rem 0; padding: 0; border: 0; }
legend { padding: 0; font-weight: 600; }
fieldset label { display: flex; gap: .75rem; align-items: center; margin: .5rem 0;
  padding: .75rem; border: 1px solid #d9d4c8; border-radius: .5rem; }
fieldset label:has(:checked) { border-color: #1f5f4a; background: #eef5f1; }
small { display: block; color: #6a655a; font-weight: 400; }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
button { min-height: 2.75rem; padding: 0 1.25rem; border: 1px solid #8a8474;
  border-radius: .5rem; background: #fff; color: inherit; font: inherit;
  cursor: pointer; }
button[value=allow] { border-color: #1f5f4a; background: #1f5f4a; color: #fff; }
table { width: 100%; border-collapse: collapse; }
td, th { padding: .75rem .5rem; border-top: 1px solid #e6e2d8; text-align: left;
  vertical-align: top; }
td form { display: flex; gap: .5rem; }
td input, td select { min-height: 2.75rem; box-sizing: border-box; padding: 0 .5rem;
  border: 1px solid #8a8474; border-radius: .5rem; font: inherit; width: 10rem; }
tr.turned { background: #fdf3dc; }
:focus-visible { outline: 3px solid #2b6cb0; outline-offset: 2px; }
article { margin: 1rem 0; padding: 1rem; border: 1px solid #d9d4c8;
  border-radius: .5rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 1rem 0 0; white-space: pre-wrap; font: inherit; }
@media (max-width: 40rem) { main { margin: 0; border: 0; border-radius: 0; }
  td, th { display: block; } th + td { border-top: 0; padding-top: 0; } }"""


def question(asked: Asked, ticket: str) -> str:
    """Ask a person: who wants what, and as whom they say yes."""
    scopes = "\n".join(f"<li>{escape(SCOPES[scope])}</li>" for scope in asked.scopes)
    accounts = "\n".join(
        f'<label><input type="radio" name="account" value="{account.key}"'
        f"{' checked' if number == 0 else ''}>"
        f"<span>{account.name}<small>{account.email}</small></span></label>"
        for number, account in enumerate(ACCOUNTS.values())
    )
    who = escape(asked.client.label)
    body = f"""<p>If you allow it, {who} can:</p>
<ul>
{scopes}
</ul>
<form method="post" action="/authorize">
<input type="hidden" name="ticket" value="{ticket}">
<fieldset>
<legend>As whom?</legend>
{accounts}
</fieldset>
<p class="buttons">
<button name="answer" value="allow">Allow</button>
<button name="answer" value="cancel">Cancel</button>
</p>
</form>"""
    return page(f"{asked.client.label} asks for your journal", body)


def stopped(reason: str) -> str:
    """Say why nobody is asked and nobody is sent back."""
    return page("This sign-in cannot go on", f"<p>{escape(reason)}</p>")


def control(authority: Authority) -> str:
    """Show the switches, the actions and the counters."""
    rows = "\n".join(
        switch_row(each, getattr(authority.switches, each.name))
        for each in fields(authority.switches)
    )
    people = "\n".join(
        action(f"Withdraw {account.name}", "withdraw", account.key)
        for account in ACCOUNTS.values()
    )
    counters = "\n".join(
        f'<tr><th scope="row"><code>{name}</code></th>'
        f"<td>{len(value) if isinstance(value, list) else value}</td></tr>"
        for name, value in vars(authority.seen).items()
    )
    body = f"""<p>Signs people in to <code>{escape(authority.resource)}</code>, and
fails as you want. What happened is at <a href="/stats">/stats</a>.</p>
<div class="buttons">
{action("Withdraw everything", "withdraw")}
{people}
{action("Expire all access tokens", "expire")}
{action("Repair everything", "repair")}
{action("Repair and forget everything", "clear")}
</div>
<h2>Switches</h2>
<table>
{rows}
</table>
<h2>What happened</h2>
<table>
{counters}
</table>"""
    return page("Demo sign-in service", body)


def switch_row(switch: Field[Any], state: Any) -> str:
    name, choices = switch.name, switch.metadata["choices"]
    usual: Any = switch.default
    turned = ' class="turned"' if state != usual else ""
    if isinstance(usual, bool):
        choices, state = ("on", "off"), "on" if state else "off"
    attributes = f'id="{name}" name="{name}" aria-describedby="about-{name}"'
    if choices:
        options = "".join(
            f"<option{' selected' if choice == state else ''}>{choice}</option>"
            for choice in choices
        )
        field = f"<select {attributes}>{options}</select>"
    else:
        field = f'<input {attributes} inputmode="decimal" value="{state:g}">'
    return (
        f'<tr{turned}><th scope="row"><label for="{name}"><code>{name}</code></label>'
        f'<small id="about-{name}">{escape(switch.metadata["about"])}</small></th>'
        f'<td><form method="post" action="/switches">{field}'
        f'<button aria-label="Set {name}">Set</button></form></td></tr>'
    )


def action(words: str, name: str, account: str = "") -> str:
    return (
        '<form method="post" action="/actions">'
        f'<input type="hidden" name="action" value="{name}">'
        f'<input type="hidden" name="account" value="{account}">'
        f"<button>{words}</button></form>"
    )


def page(title: str, body: str, *, site: str = "Demo sign-in") -> str:
    return PAGE.format(title=escape(title), style=STYLE, body=body, site=site)
