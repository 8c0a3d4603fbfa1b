"""Where the pages of system tools are. No slash at the end."""

from django.urls import path

from systemtools.views import connecting, overview, sign_in

ONE = "system-tools/<slug:tool_id>"

urlpatterns = [
    path("system-tools", overview.system_tools, name="system-tools"),
    path(ONE, overview.system_tool, name="system-tool"),
    path(f"{ONE}/connect", connecting.connect, name="system-tool-connect"),
    path(f"{ONE}/config", connecting.config, name="system-tool-config"),
    path(f"{ONE}/disconnect", connecting.disconnect, name="system-tool-disconnect"),
    path(f"{ONE}/sign-in", sign_in.permission, name="system-tool-sign-in"),
    path(f"{ONE}/sign-in/go", sign_in.go, name="system-tool-sign-in-go"),
    path(f"{ONE}/sign-in/done", sign_in.done, name="system-tool-sign-in-done"),
    path(f"{ONE}/sign-in/error", sign_in.failed, name="system-tool-sign-in-failed"),
]
