"""What the templates of every page know of the visitor."""

from typing import Any

from django.http import HttpRequest

from exactly_once.errors import ExactlyOnceError
from shop import bootstrap
from shop.api.authentication import COOKIE, cookie_caller
from shop.domain.errors import NotFound
from shop.services.users import user_get


def visitor(request: HttpRequest) -> dict[str, Any]:
    """Whether the browser has a token. A page that shows more than that looks its user up, by `viewer_context`."""
    return {"is_signed_in": COOKIE in request.COOKIES}


def viewer_context(request: HttpRequest) -> dict[str, Any]:
    """Look up the user whose token is in the cookie, as `viewer` for the header of the page.

    Where the store does not answer, or the user reads too much, the page is shown without the name.
    """
    try:
        caller = cookie_caller(request)
        viewer = user_get(shop=bootstrap.get_shop(), id=caller.id) if caller else None
    except (ExactlyOnceError, NotFound):
        return {}
    return {"viewer": viewer, "is_signed_in": viewer is not None}
