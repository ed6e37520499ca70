"""The ways through the browsable API: its collections, breadcrumbs, and the same request in a terminal."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from rest_framework.exceptions import APIException

from shop.api.access import ACCESS, admit
from shop.api.browsable.labels import description_of, label_of
from shop.domain.callers import Caller

_COLLECTIONS = (
    "products",
    "purchases",
    "returns",
    "vouchers",
    "shipping_methods",
    "addresses",
    "users",
    "api_keys",
    "webhook_endpoints",
    "imports",
    "exports",
    "events",
    "audit",
)
#: Pages that belong to no collection: the operation, the URL name, the label, and what it is for.
_OTHERS = (
    ("products_categories", "products-categories", "Categories", "The categories of the catalogue, with numbers."),
    ("products_companies", "products-companies", "Companies", "The companies of the catalogue, with numbers."),
    ("users_me", "users-me", "Your account", "Your own user: edit it, change the password, erase it."),
    ("auth_sessions", "auth-sessions", "Your sessions", "Where you are signed in, and how to end it."),
    ("users_export", "users-export", "Your data", "What the shop holds about you, as one JSON document."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A link, and what is behind it."""

    url: str
    label: str
    description: str = ""
    is_current: bool = False


def collections(caller: Caller | None, path: str) -> Sequence[Link]:
    """Return links to the collections that the caller may list."""
    return [
        Link(url=url, label=label_of(name), description=description_of(name), is_current=path.startswith(url))
        for name in _COLLECTIONS
        if _admits(f"{name}_list", caller)
        for url in (reverse(f"{name}-list"),)
    ]


def overview(caller: Caller | None) -> Sequence[Link]:
    """Return links to everything that the caller may read."""
    others = [
        Link(url=reverse(url_name), label=label, description=description)
        for operation, url_name, label, description in _OTHERS
        if _admits(operation, caller)
    ]
    return [*collections(caller, ""), *others]


def breadcrumbs(view: Any, path: str, title: str, caller: Caller | None) -> Sequence[Link]:
    """Return links to what the page is below of, as far as the caller may read it, and the page itself at the end."""
    parents = _parents(view, path, caller)
    return [Link(url="/api/v1/", label="API"), *parents, Link(url=path, label=title, is_current=True)]


def _parents(view: Any, path: str, caller: Caller | None) -> Iterator[Link]:
    collection = _url(f"{view.basename}-list")
    if collection and collection != path and _admits(f"{view.basename}_list", caller):
        yield Link(url=collection, label=label_of(view.basename))
    if view.basename == "auth" and view.action != "sessions" and _admits("auth_sessions", caller):
        yield Link(url=reverse("auth-sessions"), label="Your sessions")
    record = _url(f"{view.basename}-detail", pk=view.kwargs.get("pk"))
    if record and record != path and _admits(f"{view.basename}_retrieve", caller, view.owner):
        yield Link(url=record, label=str(view.kwargs["pk"]))


def curl_line(view: Any, request: HttpRequest) -> str:
    """Return the same request for a terminal; nothing for a write, which the forms are for."""
    if request.method != "GET" or not view.action:
        return ""
    is_public = ACCESS[f"{view.basename}_{view.action}"].is_public
    token = "" if is_public else ' -H "Authorization: Bearer $TOKEN"'
    return f"curl -s {shlex.quote(request.build_absolute_uri())}{token}"


def _admits(operation: str, caller: Caller | None, owner: str | None = None) -> bool:
    """Whether the caller may do this; False where there is no such operation, as a collection that no one lists."""
    access = ACCESS.get(operation)
    if access is None:
        return False
    try:
        admit(access, caller, owner)
    except APIException:
        return False
    return True


def _url(name: str, **arguments: Any) -> str | None:
    try:
        return reverse(name, kwargs=arguments)
    except NoReverseMatch:
        return None
