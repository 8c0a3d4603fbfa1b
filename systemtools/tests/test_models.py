"""Rows of system tools say what they are without saying what is in them."""

from systemtools.models import ExportFile, UserToolStatus


def test_a_row_is_called_by_its_tool() -> None:
    assert str(UserToolStatus(tool_id="weather")) == "weather"


def test_a_file_is_not_called_by_its_name() -> None:
    assert str(ExportFile(pk=5, name="my-secrets.md")) == "file 5"
