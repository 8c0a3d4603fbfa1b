"""The pages of this Google: consent, what went wrong, sent mail and switches."""

from dataclasses import fields
from html import escape

from demo.authority import pages
from demo.google.google import Google
from demo.google.mailboxes import Stored
from demo.google.records import ACCOUNTS, ALWAYS, SCOPES, Asked

PATH = "/o/oauth2/v2/auth"


def question(asked: Asked, ticket: str) -> str:
    """Ask a person: which account, and which of the permissions."""
    accounts = "\n".join(
        f'<label><input type="radio" name="account" value="{account.key}"'
        f"{' checked' if number == 0 else ''}>"
        f"<span>{account.name}<small>{account.email}</small></span></label>"
        for number, account in enumerate(ACCOUNTS.values())
    )
    scopes = "\n".join(_scope(scope) for scope in asked.scopes)
    body = f"""<form method="post" action="{PATH}">
<input type="hidden" name="ticket" value="{ticket}">
<fieldset>
<legend>Choose an account</legend>
{accounts}
</fieldset>
<fieldset>
<legend>Select what Patchbay can access</legend>
{scopes}
</fieldset>
<p class="buttons">
<button name="answer" value="allow">Continue</button>
<button name="answer" value="cancel">Cancel</button>
</p>
</form>"""
    return _page("Patchbay wants access to your account", body)


def _scope(scope: str) -> str:
    always = " disabled" if scope in ALWAYS else ""
    return (
        f'<label><input type="checkbox" name="scope" value="{escape(scope)}" '
        f"checked{always}><span>{SCOPES[scope]}</span></label>"
    )


def stopped(title: str, reason: str) -> str:
    """Say why nobody is asked and nobody is sent back."""
    return _page(title, f"<p>{escape(reason)}</p>")


def control(google: Google) -> str:
    """Show what was sent, the mailboxes, the switches and the actions."""
    with google.lock:
        sent = "\n".join(_letter(one) for one in reversed(google.mail.sent))
        boxes = "\n".join(_mailbox(google, key) for key in ACCOUNTS)
    switches = "\n".join(
        pages.switch_row(each, getattr(google.switches, each.name))
        for each in fields(google.switches)
    )
    actions = "\n".join(
        pages.action(words, action)
        for words, action in (
            ("Withdraw everything that was allowed", "withdraw"),
            ("Expire all access tokens", "expire"),
            ("Repair everything", "repair"),
            ("Repair and forget everything", "clear"),
        )
    )
    body = f"""<p>Stands in for Google's sign-in and the Gmail API. No mail leaves this
machine. What happened is at <a href="/stats">/stats</a>.</p>
<h2>Sent mail</h2>
{sent or "<p>Nothing was sent yet.</p>"}
{boxes}
<h2>Make it fail</h2>
<div class="buttons">
{actions}
</div>
<table>
{switches}
</table>"""
    return _page("Demo Google", body)


def _letter(stored: Stored) -> str:
    headers = "".join(
        f"<dt>{name}</dt><dd>{escape(stored.header(name))}</dd>"
        for name in ("From", "To", "Cc", "Bcc", "Subject")
        if stored.header(name)
    )
    return (
        f'<article id="mail-{stored.id}"><dl>{headers}</dl>'
        f"<pre>{escape(stored.text)}</pre></article>"
    )


def _mailbox(google: Google, key: str) -> str:
    account = ACCOUNTS[key]
    rows = "\n".join(
        f'<tr><th scope="row">{escape(one.header("Subject"))}</th>'
        f"<td>{escape(one.header('From'))}</td></tr>"
        for one in google.mail.of(account).search("in:inbox")
    )
    return f"""<h2>{account.name}'s inbox</h2>
<p><code>{account.email}</code></p>
<table>
{rows}
</table>"""


def _page(title: str, body: str) -> str:
    return pages.page(title, body, site="Demo Google")
