"""Where the files of Export are."""

from django.urls import path

from systemtools.export import views

urlpatterns = [
    path("exports", views.exports, name="exports"),
    path("exports/<uuid:public_id>", views.export, name="export"),
]
