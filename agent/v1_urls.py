"""The routes for clients of OpenAI's API, below /v1."""

from django.urls import path

from agent import v1

urlpatterns = [
    path("models", v1.models, name="v1-models"),
    path("models/<path:model_id>", v1.model, name="v1-model"),
    path("chat/completions", v1.completions, name="v1-completions"),
    # Embeddings, files and all the rest of it.
    path("<path:path>", v1.unknown, name="v1-unknown"),
]
