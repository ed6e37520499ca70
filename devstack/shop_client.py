"""A client of the shop's HTTP API, for commands that show what a client does."""

import http.client
import json
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devstack.layout import Layout

API = "/api/v1"
#: Longer than a write is tried.
TIMEOUT_S = 30.0
MAX_BODY_BYTES = 1_000_000


class CallFailed(Exception):
    """No answer came, or another one than expected; the text says which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request to the shop: a GET without a body, else a POST, unless `verb` says otherwise. `token` is a user's,
    `cart_token` that of a guest's cart."""

    path: str
    body: Mapping[str, Any] | None = None
    token: str = ""
    cart_token: str = ""
    idempotency_key: str = ""
    verb: str = ""

    @property
    def method(self) -> str:
        return self.verb or ("GET" if self.body is None else "POST")

    @property
    def headers(self) -> dict[str, str]:
        headers = {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.cart_token:
            headers["X-Cart-Token"] = self.cart_token
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if self.idempotency_key:
            headers["Idempotency-Key"] = self.idempotency_key
        return headers

    @property
    def text(self) -> str | None:
        return None if self.body is None else json.dumps(self.body)

    def curl(self, layout: Layout) -> str:
        """The line that makes the same request from a shell."""
        words = ["curl", "-s", f"{layout.url}{API}{self.path}"]
        if self.verb:
            words += ["-X", self.verb]
        for name, value in self.headers.items():
            words += ["-H", f"{name}: {value}"]
        return shlex.join([*words, *(["-d", self.text] if self.text else [])])


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer to a request. `document` is its JSON."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return http.client.responses.get(self.status, "")


def call(layout: Layout, request: Request) -> Answer:
    """Send a request to nginx. Raises CallFailed where no answer comes."""
    connection = http.client.HTTPConnection(*layout.nginx, timeout=TIMEOUT_S)
    try:
        connection.request(request.method, f"{API}{request.path}", body=request.text, headers=request.headers)
        response = connection.getresponse()
        document = json.loads(response.read(MAX_BODY_BYTES) or b"null")
        return Answer(status=response.status, document=document, headers=dict(response.headers))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CallFailed(
            f"{request.method} {layout.url}{API}{request.path}: {error or type(error).__name__}"
        ) from error
    finally:
        connection.close()


def registration() -> dict[str, str]:
    """A new customer: an address and a password that nothing has had before."""
    return {"email": f"customer-{secrets.token_hex(4)}@example.com", "password": secrets.token_urlsafe(12)}
