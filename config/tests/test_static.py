from pathlib import Path

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from pytest_django import Settings


def test_every_reference_between_static_files_resolves(
    settings: Settings, tmp_path: Path
) -> None:
    """In production names are hashed; a `url()` to a missing file stops the build."""
    storage = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": storage}}
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = staticfiles_storage.url("admin/css/base.css")
    assert hashed != "/static/admin/css/base.css"
    assert (tmp_path / hashed.removeprefix("/static/")).is_file()
