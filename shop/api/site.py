"""What the templates of every page know of the visitor."""

from django.http import HttpRequest

from shop.api.authentication import COOKIE


def visitor(request: HttpRequest) -> dict[str, object]:
    """Whether the browser has a token. A page that shows more than that looks its caller up itself, as `viewer`."""
    return {"is_signed_in": COOKIE in request.COOKIES}
