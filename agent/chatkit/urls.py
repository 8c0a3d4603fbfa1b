"""Where ChatKit is; mounted only where the setting CHATKIT is on."""

from django.urls import path

from agent.chatkit import pages, views

urlpatterns = [
    path("chatkit", views.chatkit, name="chatkit"),
    path("chatkit/config", pages.config, name="chatkit-config"),
    path("chatkit/demo", pages.demo, name="chatkit-demo"),
]
