"""A REST client whose every answer is held against the OpenAPI document."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import tokens
from accounts.models import User
from config.tests import openapi


class ApiClient(Client):
    """Sends JSON, with a token if there is one."""

    def __init__(self, token: str = "", **options: Any) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else None
        super().__init__(headers=headers, raise_request_exception=False, **options)

    def request(self, **request: Any) -> Any:
        response: Any = super().request(**request)
        openapi.check(request["REQUEST_METHOD"], request["PATH_INFO"], response)
        return response

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send `body` as JSON; bytes and text are sent as they are."""
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        options.setdefault("content_type", "application/json")
        return self.generic(method, path, body or "", **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return self.send("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return self.send("PUT", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return self.send("PATCH", path, body, **options)


@pytest.fixture
def api_client(db: None) -> Callable[..., ApiClient]:
    """Make a client of a person, with a token of these scopes; of nobody without."""

    def make(user: User | None = None, scopes: list[str] | None = None) -> ApiClient:
        if user is None:
            return ApiClient()
        name = f"test {user.api_tokens.count()}"
        _, token = tokens.issue(user=user, name=name, scopes=scopes)
        return ApiClient(token)

    return make


@pytest.fixture
def api(api_client: Callable[..., ApiClient], alice: User) -> ApiClient:
    """The client of alice, who may do everything."""
    return api_client(alice)
