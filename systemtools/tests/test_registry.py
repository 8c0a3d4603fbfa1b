"""Which tools there are; one that is broken costs nobody else anything."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from django.core.checks import run_checks
from pydantic import BaseModel, Field, SecretStr
from pytest_django import Settings

from accounts.models import User
from systemtools import registry, statuses
from systemtools.base import SystemTool, tool
from systemtools.errors import SystemToolNotFound

GOOD = """
from systemtools.base import SystemTool, tool

class Good(SystemTool):
    id, name = "{id}", "Good"
    description, category = "It works.", "Tests"

    @tool(title="Work", reads_only=True)
    async def work(self) -> str:
        '''Work.'''
        return "done"
"""
Write = Callable[..., Path]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package of an installation, `made.<folder>.tool` for each source given."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**folders: str) -> list[str]:
        for folder, source in folders.items():
            path = tmp_path / "made" / folder
            path.mkdir(parents=True)
            (path / "__init__.py").touch()
            (path / "tool.py").write_text(source)
        (tmp_path / "made" / "__init__.py").touch()
        return ["made"]

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "made"]:
        del sys.modules[name]


@pytest.fixture
def entry_point(tmp_path: Path, package: Any) -> Callable[[str], None]:
    """Make a distribution that names a class as a system tool."""

    def install(value: str) -> None:
        info = tmp_path / "other-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\n")
        text = f"[{registry.ENTRY_POINTS}]\nother = {value}\n"
        (info / "entry_points.txt").write_text(text)

    return install


def ids(found: registry.Found) -> list[str]:
    return [kind.id for kind in found.tools]


# --- Those of this installation ----------------------------------------------


def test_every_tool_of_this_room_can_be_used() -> None:
    assert registry.known().problems == ()
    assert {"google-calendar", "google-drive"} <= {kind.id for kind in registry.all()}


def test_what_is_only_announced_comes_last() -> None:
    announced = [kind.is_coming_soon for kind in registry.all()]
    assert announced == sorted(announced)


def test_a_tool_is_found_by_its_id(sample_tools: Settings) -> None:
    assert registry.get("diary").name == "Diary"


@pytest.mark.parametrize("tool_id", ["", "nothing", "Diary", "diary\n", "d" * 5000])
def test_what_is_not_there_is_not_found(sample_tools: Settings, tool_id: str) -> None:
    with pytest.raises(SystemToolNotFound):
        registry.get(tool_id)


def test_a_tool_is_listed_in_the_shape_of_a_connectors_tools(
    sample_tools: Settings,
) -> None:
    write, *_ = registry.definitions(registry.get("diary"))
    assert write.pop("outputSchema")["required"] == ["day", "text"]
    assert len(write.pop("hash")) == 64
    assert write == {
        "name": "write",
        "title": "Write down",
        "description": "Write down what happened.",
        "inputSchema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["text"],
            "properties": {
                "text": {
                    "type": "string",
                    "minLength": 1,
                    "description": "what happened",
                },
                "day": {
                    "anyOf": [{"type": "string", "format": "date"}, {"type": "null"}],
                    "default": None,
                },
                "mood": {"type": "string", "enum": ["good", "bad"], "default": "good"},
                "copy": {"type": "integer", "minimum": 1, "maximum": 3, "default": 1},
            },
        },
        "annotations": {"readOnlyHint": False, "destructiveHint": False},
    }


def test_a_tool_without_parameters_takes_an_empty_object(
    sample_tools: Settings,
) -> None:
    read = registry.methods(registry.get("diary"))["read"].definition
    assert read["inputSchema"] == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    assert read["outputSchema"] is None


def test_only_what_was_granted_is_listed(sample_tools: Settings) -> None:
    letters = registry.get("letters")
    granted = registry.definitions(letters, granted=frozenset({"letters.send"}))
    assert [spec["name"] for spec in granted] == ["send"]
    assert len(registry.definitions(letters)) == 2


# --- Folders -----------------------------------------------------------------


def test_a_folder_with_one_class_is_a_tool(package: Any) -> None:
    found = registry.discover(package(one=GOOD.format(id="one")))
    assert "one" in ids(found)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise RuntimeError('boom')", "cannot be imported: RuntimeError: boom"),
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit"),
        ("import nothing_of_this_name", "cannot be imported: ModuleNotFoundError"),
        ("this is no Python", "cannot be imported: SyntaxError"),
        ("", "has 0 classes"),
        (GOOD.format(id="a") + "class B(Good):\n    id = 'b'", "has 2 classes"),
        (GOOD.format(id="Bad Id"), "its id 'Bad Id' is not"),
    ],
)
def test_a_folder_that_is_broken_is_left_out_alone(
    package: Any, source: str, why: str
) -> None:
    found = registry.discover(package(broken=source, good=GOOD.format(id="good")))
    assert ids(found) == ["good"]
    assert len(found.problems) == 1
    assert found.problems[0].where.startswith("made.broken.tool")
    assert why in found.problems[0].why


def test_of_two_with_one_id_the_first_stays(package: Any) -> None:
    found = registry.discover(package(a=GOOD.format(id="x"), b=GOOD.format(id="x")))
    assert [kind.__module__ for kind in found.tools] == ["made.a.tool"]
    assert found.problems[0].why == "the id 'x' is that of made.a.tool.Good"


def test_a_tool_that_is_not_enabled_is_not_there(
    package: Any, settings: Settings
) -> None:
    off = GOOD.format(id="off") + "    is_enabled = False\n"
    settings.SYSTEM_TOOL_PACKAGES = package(off=off)
    assert ids(registry.known()) == ["off"]
    assert registry.all() == ()
    with pytest.raises(SystemToolNotFound):
        registry.get("off")


def test_what_is_broken_is_a_warning_and_stops_nothing(
    package: Any, settings: Settings, tmp_path: Path
) -> None:
    # Another name than in other tests: what was found once is remembered.
    package(bad="raise RuntimeError")
    (tmp_path / "made").rename(tmp_path / "worse")
    settings.SYSTEM_TOOL_PACKAGES = ["worse"]
    messages = [m for m in run_checks(tags=["patchbay"]) if m.id == "patchbay.W001"]
    assert len(messages) == 1
    assert "worse.bad.tool is no system tool" in messages[0].msg
    assert not messages[0].is_serious()
    assert registry.all() == ()


def test_a_tool_that_fails_when_it_is_asked_is_not_offered_and_costs_no_other(
    package: Any, settings: Settings, tmp_path: Path, alice: User
) -> None:
    asked = """
    @classmethod
    def why_not(cls):
        raise RuntimeError("its file is gone")
"""
    package(one=GOOD.format(id="one") + asked, two=GOOD.format(id="two"))
    (tmp_path / "made").rename(tmp_path / "frail")
    settings.SYSTEM_TOOL_PACKAGES = ["frail"]
    one, two = statuses.all_of(user_id=alice.pk)
    assert (one.tool.id, two.tool.id) == ("one", "two")
    assert one.why_not == "Good has a fault at this installation. Tell its operator."
    assert not one.is_enabled
    assert two.is_enabled


# --- Entry points ------------------------------------------------------------


def test_a_distribution_may_bring_a_tool(package: Any, entry_point: Any) -> None:
    package(other=GOOD.format(id="other"))
    entry_point("made.other.tool:Good")
    found = registry.discover([])
    assert ids(found) == ["other"]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("made.other.tool:Nothing", "cannot be imported: AttributeError"),
        ("made.nothing:Good", "cannot be imported: ModuleNotFoundError"),
        ("made.broken.tool:Good", "cannot be imported: RuntimeError"),
        ("made.other.tool:SystemTool.why_not", "is no class of SystemTool"),
        ("json:JSONDecoder", "is no class of SystemTool"),
    ],
)
def test_a_distribution_that_is_broken_is_left_out(
    package: Any, entry_point: Any, value: str, why: str
) -> None:
    package(other=GOOD.format(id="other"), broken="raise RuntimeError")
    entry_point(value)
    found = registry.discover([])
    assert found.tools == ()
    assert found.problems[0].where == value
    assert why in found.problems[0].why


def test_a_distribution_takes_no_id_of_ours(package: Any, entry_point: Any) -> None:
    packages = package(ours=GOOD.format(id="x"), other=GOOD.format(id="x"))
    entry_point("made.other.tool:Good")
    found = registry.discover(packages)
    assert ids(found) == ["x"]


def test_a_class_that_cannot_be_looked_at_is_left_out_alone(package: Any) -> None:
    odd = GOOD.format(id="odd") + "\nGood.Config = type('C', (type,), {})\n"
    strange = """
from systemtools.base import SystemTool

class Meta(type):
    def __getattribute__(cls, name):
        if name == "auth_type":
            raise RuntimeError("boom")
        return super().__getattribute__(name)

class Strange(SystemTool, metaclass=Meta):
    id, name = "strange", "Strange"
    description, category = "It is strange.", "Tests"
"""
    sources = {"odd": odd, "strange": strange, "good": GOOD.format(id="good")}
    found = registry.discover(package(**sources))
    assert ids(found) == ["good"]
    assert {one.where for one in found.problems} == {
        "made.odd.tool.Good",
        "made.strange.tool.Strange",
    }


# --- What a class must be ----------------------------------------------------


class Sound(SystemTool):
    id, name = "sound", "Sound"
    description, category = "Is as it should be.", "Tests"

    @tool(title="Hum", reads_only=True)
    async def hum(self) -> str:
        """Hum."""
        return "hm"


class Veiled(BaseModel):
    key: SecretStr


class Buried(BaseModel):
    class Door(BaseModel):
        key: Annotated[str, Field(json_schema_extra={"secret": True})]

    doors: list[Door]


class Silent(SystemTool):
    id, name = "silent", "Silent"
    description, category = "Has no methods.", "Tests"


def faults(base: type[SystemTool], **facts: Any) -> list[str]:
    return list(registry.faults_of(type("Made", (base,), facts)))


def test_a_sound_class_has_no_faults() -> None:
    assert faults(Sound) == []
    assert faults(Silent, is_coming_soon=True, auth_type="oauth") == []


@pytest.mark.parametrize(
    ("base", "facts", "why"),
    [
        (Sound, {"id": ""}, "its id '' is not"),
        (Sound, {"id": "9lives"}, "its id '9lives' is not"),
        (Sound, {"id": "a" * 25}, "is not 1 to 24"),
        (Sound, {"id": "with_line"}, "its id 'with_line' is not"),
        (Sound, {"id": None}, "its id None is not"),
        (Sound, {"auth_type": ["none"]}, "its auth_type ['none'] is not"),
        (Sound, {"why_not": "closed"}, "its why_not is no method of the class"),
        (Sound, {"name": ""}, "its name is not 1 to 100"),
        (Sound, {"name": "n" * 101}, "its name is not 1 to 100"),
        (Sound, {"description": 5}, "its description is not"),
        (Sound, {"category": ""}, "its category is not"),
        (Sound, {"auth_type": "magic"}, "its auth_type 'magic' is not"),
        (Sound, {"auth_type": "config"}, "it has no Config"),
        (Sound, {"auth_type": "oauth"}, "it has no provider"),
        (Sound, {"Config": dict}, "its Config is no pydantic model"),
        (Sound, {"Config": Veiled}, "its Config: key is of a kind that cannot be kept"),
        (Sound, {"Config": Buried}, "its Config: key is secret and not at the top"),
        (Sound, {"is_coming_soon": True}, "it is coming soon, and has methods"),
        (Silent, {}, "it has no method that is marked with @tool"),
    ],
)
def test_what_is_wrong_with_a_class_is_said(
    base: type[SystemTool], facts: dict[str, Any], why: str
) -> None:
    [fault] = faults(base, **facts)
    assert why in fault


class Unwritable(BaseModel):
    call: Callable[[], str]


def marked(function: Any, **mark: Any) -> Any:
    return tool(**({"title": "Work"} | mark))(function)


async def bare(self: Any, text) -> str:
    """Work."""
    return ""


async def many(self: Any, *texts: str) -> str:
    """Work."""
    return ""


async def unread(self: Any, text: "Nothing") -> str:  # type: ignore[name-defined]  # noqa: F821
    """Work."""
    return ""


async def unmade(self: Any, text: Callable[[], int]) -> str:
    """Work."""
    return ""


async def unclosed(self: Any, text: Annotated[str, Field(pattern="(")]) -> str:
    """Work."""
    return ""


async def unspelt(self: Any, text: "list[") -> str:  # type: ignore[valid-type]  # noqa: F722
    """Work."""
    return ""


async def unanswered(self: Any) -> Unwritable:
    """Work."""
    return Unwritable(call=str)


async def silent(self: Any) -> str:
    return ""


def plain(self: Any) -> str:
    """Work."""
    return ""


@pytest.mark.parametrize(
    ("function", "mark", "why"),
    [
        (bare, {}, "work: text has no annotation"),
        (many, {}, "work: texts cannot be given by its name"),
        (unread, {}, "work: its annotations cannot be read"),
        (unmade, {}, "work: no schema can be made of it"),
        (unclosed, {}, "work: no schema can be made of it"),
        (unspelt, {}, "work: its annotations cannot be read"),
        (unanswered, {}, "work: no schema can be made of it"),
        (plain, {}, "work is not async"),
        (silent, {}, "work: it has no docstring"),
        (silent, {"title": " "}, "work: it has no title"),
    ],
)
def test_what_is_wrong_with_a_method_is_said(
    function: Any, mark: dict[str, Any], why: str
) -> None:
    assert any(why in fault for fault in faults(Silent, work=marked(function, **mark)))


def test_a_method_has_a_name_that_models_can_say() -> None:
    fault = faults(Silent, Work=marked(Sound.hum))[0]
    assert fault.startswith("Work: the name is not")


def test_parameters_may_have_any_name() -> None:
    class Odd(Silent):
        @tool(title="Work")
        async def work(
            self,
            json: str,
            model_config: int = 1,
            schema: Annotated[list[str], Field(max_length=2)] = [],  # noqa: B006
        ) -> str:
            """Work."""
            return json

    assert list(registry.faults_of(Odd)) == []
    [spec] = registry.definitions(Odd)
    assert list(spec["inputSchema"]["properties"]) == ["json", "model_config", "schema"]


def test_a_method_may_be_taken_out_again_below() -> None:
    class Quiet(Sound):
        hum = None  # type: ignore[assignment]

    assert registry.definitions(Quiet) == []


def test_models_of_parameters_are_described_without_their_titles() -> None:
    class Place(BaseModel):
        town: str

    class Travel(Silent):
        @tool(title="Go")
        async def go(self, place: Place) -> Place:
            """Go there."""
            return place

    [spec] = registry.definitions(Travel)
    assert "title" not in str(spec["inputSchema"])
    assert "title" not in str(spec["outputSchema"])
