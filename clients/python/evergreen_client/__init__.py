"""A client of the Evergreen Stores API.

`evergreen_client.generated` has a function for each operation and a class for each schema, generated from the OpenAPI
document when the package is built. This module adds what a document cannot say: which requests may be repeated, and how
one gets from page to page.

    from evergreen_client import connect, entries, sign_in
    from evergreen_client.generated.api.products import products_list

    shop = sign_in("https://shop.example", "ada@example.com", "correct horse battery staple")
    for product in entries(products_list.sync, client=shop, in_stock="true"):
        print(product.sku, product.price)
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from evergreen_client.generated import AuthenticatedClient, Client
from evergreen_client.generated.api.auth import auth_token
from evergreen_client.generated.models import Credentials, Token
from evergreen_client.generated.types import UNSET
from evergreen_client.retries import RetryTransport

__all__ = ["ApiError", "RetryTransport", "connect", "entries", "sign_in"]

TIMEOUT_S = 10.0


class ApiError(Exception):
    """The shop answered with a problem, which is in `problem`."""

    def __init__(self, problem: Any) -> None:
        super().__init__(getattr(problem, "detail", "The response is none that the OpenAPI document describes."))
        self.problem = problem


def connect(base_url: str, token: str = "") -> Client | AuthenticatedClient:
    """Make a client for `base_url`, with a token or the secret of an API key, or anonymous. It repeats what may be."""
    arguments: dict[str, Any] = {
        "base_url": base_url,
        "timeout": TIMEOUT_S,
        "httpx_args": {"transport": RetryTransport()},
    }
    return AuthenticatedClient(token=token, **arguments) if token else Client(**arguments)


def sign_in(base_url: str, email: str, password: str) -> AuthenticatedClient:
    """Sign in, and make a client with the token.

    Raises:
        ApiError: the credentials are wrong, or the shop refuses otherwise.
    """
    answer = auth_token.sync(client=connect(base_url), body=Credentials(email=email, password=password))
    if not isinstance(answer, Token):
        raise ApiError(answer)
    client = connect(base_url, answer.token)
    assert isinstance(client, AuthenticatedClient)
    return client


def entries(operation: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """Iterate over the entries of all pages of a list, such as `products_list.sync`.

    Raises:
        ApiError: a page is refused.
    """
    cursor: Any = UNSET
    while cursor is not None:
        page = operation(cursor=cursor, **arguments)
        if not hasattr(page, "results"):
            raise ApiError(page)
        yield from page.results
        cursor = _cursor(page.next_)


def _cursor(link: str | None) -> str | None:
    return parse_qs(urlsplit(link).query)["cursor"][0] if link else None
