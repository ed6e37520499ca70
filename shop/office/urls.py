"""The URLs below /office/. The first part of a name after `office-` is the section that the page belongs to."""

from django.urls import URLPattern, path, re_path

from shop.api.fields import UUID_PATTERN
from shop.api.methods import View
from shop.office import audit, figures, products, purchases, stock, users


def _of_one(section: str, page: str, view: View) -> URLPattern:
    """The URL of a page about one object of a section, by its id."""
    tail = "" if page == "detail" else f"{page}/"
    return re_path(rf"^{section}/(?P<pk>{UUID_PATTERN})/{tail}$", view, name=f"office-{section}-{page}")


urlpatterns = [
    path("", figures.figures, name="office"),
    path("products/", products.products, name="office-products"),
    path("products/new/", products.new, name="office-products-new"),
    _of_one("products", "detail", products.detail),
    _of_one("products", "stock", stock.stock),
    _of_one("products", "history", products.history),
    _of_one("products", "movements", stock.movements),
    _of_one("products", "withdraw", products.withdraw),
    path("purchases/", purchases.purchases, name="office-purchases"),
    _of_one("purchases", "detail", purchases.detail),
    _of_one("purchases", "history", purchases.history),
    _of_one("purchases", "pay", purchases.pay),
    _of_one("purchases", "ship", purchases.ship),
    _of_one("purchases", "deliver", purchases.deliver),
    _of_one("purchases", "cancel", purchases.cancel),
    _of_one("purchases", "refund", purchases.refund),
    path("audit/", audit.audit, name="office-audit"),
    path("users/", users.users, name="office-users"),
    _of_one("users", "detail", users.detail),
    _of_one("users", "role", users.role),
    _of_one("users", "history", users.history),
    _of_one("users", "erase", users.erase),
]
