from django.urls import include, path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("demo", views.try_demo, name="try_demo"),
    path("settings", views.account, name="settings"),
    path("settings/tokens", views.token_list, name="tokens"),
    path(
        "settings/tokens/<int:token_id>/revoke", views.token_revoke, name="token-revoke"
    ),
    path("accounts/", include("allauth.account.urls")),
]
