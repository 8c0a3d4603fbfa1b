from django.urls import include, path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("demo", views.try_demo, name="try_demo"),
    path("accounts/", include("allauth.account.urls")),
]
