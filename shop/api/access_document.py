"""docs/access.md, made of the URLs and the access table: `python -m shop.api.access_document > docs/access.md`."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from shop.api.access import ACCESS, Access, Audited, Identity, Reauthentication

_HEAD = """# Access

Who may call what. This page is generated from the access table, `shop/api/access.py`, by
`python -m shop.api.access_document > docs/access.md`; a test compares the two. The permissions of
the views, the `security` of the OpenAPI document and the tests of every operation with every kind
of caller come from the same table.

- **who**: anonymous callers, customers, staff. Customers have the role `customer`. A guest is an
  anonymous caller who sends the token of a cart as `X-Cart-Token`: the operation answers with 404
  where it is not the right one. "Anyone, known" is a public operation that makes something of the
  user's own for one who is signed in, and that no API key may call.
- **own**: customers reach their own objects alone. Those of other users are answered as if they did
  not exist, with 404. Staff and API keys reach all, except where the column says that staff too
  reach their own alone.
- **scope**: what an API key needs; none admits no key. Public operations need no key.
- **password**: when the caller's own present password must be sent beside the token, as
  `current_password` (as `current` where a password is changed): a stolen token is not enough.
- **limiter**: the class of operations that share a rate limit ([rate-limits.md](rate-limits.md)).
- **audited**: by whom the operation is recorded in the [audit](audit.md).

[API keys](api-keys.md) have a page of their own. A public operation with a scope in the second
table answers with a summary, and in full to staff and to keys with the scope.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class UrlOperation:
    """An operation as the resolver knows it: its name in the access table, method, path and pattern. `parameters` are
    the names of what differs in the path."""

    name: str
    method: str
    path: str
    url_name: str
    parameters: tuple[str, ...]


def url_operations() -> list[UrlOperation]:
    """Every operation of every URL of the project, in the order of the URLs."""
    return list(_operations(get_resolver().url_patterns, "/"))


def document() -> str:
    """The text of docs/access.md."""
    operations = url_operations()
    api = [each for each in operations if each.path.startswith("/api/v1/")]
    others = [each for each in operations if each not in api]
    return "\n".join([_HEAD, "## The API", "", *_table(api), "", "## Pages and probes", "", *_table(others), ""])


def _operations(patterns: Sequence[URLPattern | URLResolver], prefix: str) -> Iterator[UrlOperation]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _operations(pattern.url_patterns, path)
            continue
        readable = _readable(path)
        for method, name in _methods(pattern):
            yield UrlOperation(
                name=name,
                method=method,
                path=readable,
                url_name=str(pattern.name),
                parameters=tuple(re.findall(r"{(\w+)}", readable)),
            )


def _methods(pattern: URLPattern) -> Iterator[tuple[str, str]]:
    """Each method of a view, HEAD excepted, and the name of its operation."""
    view: Any = pattern.callback
    actions = getattr(view, "actions", None)
    if actions:
        for method, action in actions.items():
            if method != "head":
                yield method.upper(), f"{view.initkwargs['basename']}_{action}"
        return
    for method in getattr(view, "methods", ("GET",)):
        if method != "HEAD":
            yield method, f"{pattern.name}_{method.lower()}"


def _readable(path: str) -> str:
    """The path without the marks of regular expressions, and with {name} for what differs."""
    return re.sub(r"\(\?P<(\w+)>.*?\)(?=/|$)|<(?:\w+:)?(\w+)>", r"{\1\2}", re.sub(r"\\Z|[\^$]", "", path))


def _table(operations: Sequence[UrlOperation]) -> list[str]:
    rows = [_row(each, ACCESS[each.name]) for each in operations]
    return [
        "| call | who | own | scope | password | limiter | audited |",
        "|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _row(operation: UrlOperation, access: Access) -> list[str]:
    roles = [str(role) for role in Identity if role in access.roles]
    guest = ["guest"] if access.admits_cart_token else []
    who = ("anyone, known" if access.recognizes_users else "anyone") if access.is_public else ", ".join(roles + guest)
    password = "" if access.reauthentication is Reauthentication.NEVER else access.reauthentication
    scope = f"`{access.scope}`" if access.scope else ""
    return [
        f"{operation.method} {operation.path.replace('{pk}', '{id}')}",
        who,
        ("own, staff too" if access.is_private else "own") if access.is_own else "",
        scope,
        password,
        access.limiter,
        "" if access.audited is Audited.NEVER else access.audited,
    ]


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    django.setup()
    print(document(), end="")
