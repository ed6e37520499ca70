"""A client of the API that validates every response against the OpenAPI document."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from django.test import Client

from shop.domain.users import User
from tests.samples import PASSWORD
from tests.unit.api import schema

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


class ApiClient:
    """Sends JSON. `signed_in` returns a client that also sends a user's token."""

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self._headers = dict(headers or {})
        self._client = Client()

    def signed_in(self, user: User) -> "ApiClient":
        response = self.post("/auth/token/", {"email": user.email, "password": PASSWORD})
        return ApiClient({"Authorization": f"Bearer {response.json()['token']}"})

    def get(self, path: str, **headers: str) -> "Response":
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> "Response":
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> "Response":
        return self.send("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> "Response":
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> "Response":
        return self.send("DELETE", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> "Response":
        """Send a request and return the response. Header names have underscores; a body of bytes is sent unchanged."""
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("Content-Type", "application/json")
        response = self._client.generic(
            method, f"/api/v1{path}", raw, content_type=content_type, headers=self._headers | named
        )
        _validate_response(response, method, None if isinstance(body, bytes) else body)
        return response


def _validate_response(response: "Response", method: str, body: Any) -> None:
    match = response.wsgi_request.resolver_match
    actions = getattr(match.func, "actions", {}) if match else {}
    if method.lower() in actions:
        operation = f"{match.func.initkwargs['basename']}_{actions[method.lower()]}"
        undocumented = schema.undocumented(operation, response, body)
        assert not undocumented, f"{operation} has a response that the document does not describe: {undocumented}"


def problem(response: "Response") -> tuple[int, str]:
    """Status and code of a response that is a problem."""
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, orjson.loads(response.content)["code"]


def errors(response: "Response") -> list[tuple[str, str]]:
    """Pointer and code of every field error."""
    assert response.status_code == 400
    return [(error["pointer"], error["code"]) for error in orjson.loads(response.content)["errors"]]
