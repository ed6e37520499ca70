"""Carts in the back office, to be looked at: those of guests or of a user, and what stands in the way of one."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from shop import bootstrap
from shop.api.cart_bodies import cart_summary_document
from shop.api.cart_problems import problem_rows
from shop.api.carts import CartViewSet
from shop.domain.callers import Caller
from shop.domain.carts import Cart
from shop.domain.errors import Invalid, NotFound
from shop.domain.users import User
from shop.office.frame import is_fragment, office_view, page
from shop.office.lists import list_request, listing, refused_listing
from shop.services import carts as services
from shop.services.users import user_get

_LIST = CartViewSet.operations["list"].parameters


@office_view("GET", "HEAD")
def carts(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List the carts of guests, or of a user, a page at a time."""
    try:
        query = list_request(request, _LIST)
        found = services.cart_list(
            shop=bootstrap.get_shop(), user=query.filters.get("user"), size=query.size, position=query.position
        )
        shown, status = listing(request, found, cart_summary_document), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    template = "office/carts/results.html" if is_fragment(request) else "office/carts/list.html"
    return page(request, caller, template, {"listing": shown}, status=status)


@office_view("GET", "HEAD")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show a cart as its owner sees it."""
    cart = services.cart_inspect(shop=bootstrap.get_shop(), id=pk)
    context = {
        "cart": cart,
        "lines": [{"line": line, "problem": _words(line.problem)} for line in cart.lines],
        "units": sum(line.quantity for line in cart.lines),
        "problems": [_problem(row) for row in problem_rows(cart.problems())],
        "obstacle": _words(cart.voucher_obstacle),
        "owner": _owner(cart),
    }
    return page(request, caller, "office/carts/detail.html", context)


def _words(code: str | None) -> str:
    return code.replace("-", " ") if code else ""


def _problem(row: dict[str, Any]) -> str:
    return _words(row["code"]).capitalize()


def _owner(cart: Cart) -> User | None:
    """The user whose cart it is; None for a guest's, and where they are erased meanwhile."""
    try:
        return user_get(shop=bootstrap.get_shop(), id=cart.owner) if cart.owner else None
    except NotFound:
        return None
