"""Static files for tests, as in development: from where they lie, without a build."""

from django.contrib.staticfiles import finders
from servestatic.middleware import ServeStaticMiddleware


class StaticFiles(ServeStaticMiddleware):
    """Looks for a file when it is asked for, and lists none before.

    Nobody reads that list where a file is looked for each time, and it would be made
    for every client of every test: a tenth of what a run takes.
    """

    def add_files_from_finders(self) -> None:
        for finder in finders.get_finders():
            for storage in getattr(finder, "storages", {}).values():
                self.insert_directory(storage.location, self.static_prefix)
