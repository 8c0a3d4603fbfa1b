"""Google Drive, of which there is no more than the announcement."""

from systemtools.base import SystemTool


class GoogleDrive(SystemTool):
    id = "google-drive"
    name = "Google Drive"
    description = "Your files: found and read where they are."
    icon = "folder"
    category = "Google"
    auth_type = "oauth"
    is_coming_soon = True
