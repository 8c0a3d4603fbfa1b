"""What a browser does with a form: read its controls, and send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.http import urlencode

from connectors.schema_form import SchemaForm

TEMPLATE = "components/schema_form.html"
LINES = {"date", "datetime-local", "password", "text", "time"}


def html_of(form: SchemaForm) -> str:
    """Draw a form, alone."""
    return render_to_string(TEMPLATE, {"form": form})


def submitted(form: SchemaForm, **changes: str) -> QueryDict:
    """Draw a form, fill in `changes` by the ids of controls, and send all of it."""
    page = Page.of(html_of(form))
    pairs = [
        (control.name, _sent(changes.get(control.id, control.value)))
        for control in page.controls
        if control.is_sent
    ]
    return QueryDict(urlencode(pairs), mutable=True)


def pressed(form: SchemaForm, wish: str) -> QueryDict:
    """Send a form by one of its own buttons."""
    data = submitted(form)
    data["edit"] = wish
    return data


def _sent(text: str) -> str:
    """Write line breaks as a form sends them.

    Source: HTML, "constructing the entry list".
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@dataclass
class Control:
    tag: str
    name: str
    id: str
    kind: str
    value: str
    attributes: dict[str, str | None]
    is_sent: bool = True
    options: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """The controls of a page, and the texts that are tied to them by id."""

    def __init__(self) -> None:
        super().__init__()
        self.controls: list[Control] = []
        self.buttons: list[dict[str, str | None]] = []
        self.labels: list[str | None] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._open: Control | None = None
        self._is_first_option = False

    @classmethod
    def of(cls, html: str) -> "Page":
        page = cls()
        page.feed(html)
        page.close()
        return page

    def control(self, id_: str) -> Control:
        return next(control for control in self.controls if control.id == id_)

    def wishes(self) -> list[str]:
        """Give what the form's own buttons ask for."""
        return [b["value"] or "" for b in self.buttons if b.get("name") == "edit"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if found.get("id"):
            self.ids.append(found["id"] or "")
        match tag:
            case "label":
                self.labels.append(found.get("for"))
            case "button":
                self.buttons.append(found)
            case "input":
                self._add_input(found)
            case "textarea" | "select":
                self._open = self._control(tag, tag, "", found)
                self.controls.append(self._open)
            case "option":
                self._add_option(found)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"textarea", "select"} and self._open:
            # The first line break is not part of the text.
            if tag == "textarea":
                self._open.value = self._open.value.removeprefix("\n")
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._open.tag == "textarea":
            self._open.value += data
        elif self._open is not None and self._open.options:
            value, label = self._open.options[-1]
            self._open.options[-1] = (value, label + data.strip())
        else:
            self.text += data

    def _add_input(self, found: dict[str, str | None]) -> None:
        kind = found.get("type") or "text"
        control = self._control("input", kind, found.get("value") or "", found)
        control.is_sent = kind != "checkbox" or "checked" in found
        if kind in LINES:
            control.value = control.value.replace("\n", "").replace("\r", "")
        self.controls.append(control)

    def _add_option(self, found: dict[str, str | None]) -> None:
        assert self._open
        value = found.get("value") or ""
        if not self._open.options or "selected" in found:
            self._open.value = value
        self._open.options.append((value, ""))

    def _control(
        self, tag: str, kind: str, value: str, found: dict[str, str | None]
    ) -> Control:
        return Control(
            tag=tag,
            name=found.get("name") or "",
            id=found.get("id") or "",
            kind=kind,
            value=value,
            attributes=found,
        )
