"""Google Calendar, of which there is no more than the announcement."""

from systemtools.base import SystemTool


class GoogleCalendar(SystemTool):
    id = "google-calendar"
    name = "Google Calendar"
    description = "Your calendars: what is on, and when there is time."
    icon = "calendar"
    category = "Google"
    auth_type = "oauth"
    is_coming_soon = True
