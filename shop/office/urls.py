"""The URLs below /office/. The first part of a name after `office-` is the section that the page belongs to."""

from django.urls import URLPattern, path, re_path

from shop.api.fields import UUID_PATTERN
from shop.api.methods import View
from shop.api.webhooks import DeliveryViewSet
from shop.domain import shipping_methods as methods
from shop.domain import vouchers as codes
from shop.office import (
    audit,
    carts,
    deliveries,
    figures,
    payments,
    products,
    purchases,
    refunds,
    returns,
    shipments,
    shipping_methods,
    stock,
    users,
    vouchers,
    webhook_endpoints,
)


def _of_one(section: str, page: str, view: View, ids: str = UUID_PATTERN) -> URLPattern:
    """The URL of a page about one object of a section, by its id; `ids` is what ids look like."""
    tail = "" if page == "detail" else f"{page}/"
    return re_path(rf"^{section}/(?P<pk>{ids})/{tail}$", view, name=f"office-{section}-{page}")


def _of_voucher(page: str, view: View) -> URLPattern:
    return _of_one("vouchers", page, view, codes.CODE_PATTERN)


def _of_method(page: str, view: View) -> URLPattern:
    return _of_one("shipping-methods", page, view, methods.CODE_PATTERN)


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
    _of_one("purchases", "ship", shipments.ship),
    _of_one("purchases", "deliver", purchases.deliver),
    _of_one("purchases", "cancel", purchases.cancel),
    _of_one("purchases", "refund", purchases.refund),
    path("audit/", audit.audit, name="office-audit"),
    path("users/", users.users, name="office-users"),
    _of_one("users", "detail", users.detail),
    _of_one("users", "role", users.role),
    _of_one("users", "history", users.history),
    _of_one("users", "erase", users.erase),
    path("carts/", carts.carts, name="office-carts"),
    _of_one("carts", "detail", carts.detail),
    path("vouchers/", vouchers.vouchers, name="office-vouchers"),
    # No code in the URLs of this site is in lower case.
    path("vouchers/new/", vouchers.new, name="office-vouchers-new"),
    _of_voucher("detail", vouchers.detail),
    _of_voucher("pause", vouchers.pause),
    _of_voucher("resume", vouchers.resume),
    _of_voucher("history", vouchers.history),
    _of_voucher("delete", vouchers.delete),
    path("shipping-methods/", shipping_methods.shipping_methods, name="office-shipping-methods"),
    # Beside the list and not below it: a shipping method may have the code `new`.
    path("new-shipping-method/", shipping_methods.new, name="office-shipping-methods-new"),
    _of_method("detail", shipping_methods.detail),
    _of_method("active", shipping_methods.active),
    _of_method("history", shipping_methods.history),
    _of_method("delete", shipping_methods.delete),
    _of_one("purchases", "refund-amount", refunds.refund_amount),
    path("payments/", payments.payments, name="office-payments"),
    _of_one("payments", "capture", payments.capture),
    _of_one("payments", "cancel", payments.cancel),
    _of_one("payments", "refresh", payments.refresh),
    path("returns/", returns.returns, name="office-returns"),
    _of_one("returns", "detail", returns.detail),
    _of_one("returns", "history", returns.history),
    _of_one("returns", "approve", returns.approve),
    _of_one("returns", "receive", returns.receive),
    _of_one("returns", "refuse", returns.refuse),
    path("webhook-endpoints/", webhook_endpoints.endpoints, name="office-webhook-endpoints"),
    path("webhook-endpoints/new/", webhook_endpoints.new, name="office-webhook-endpoints-new"),
    path("webhook-endpoints/mail/", deliveries.mail, name="office-webhook-endpoints-mail"),
    _of_one("webhook-endpoints", "detail", webhook_endpoints.detail),
    _of_one("webhook-endpoints", "history", webhook_endpoints.history),
    _of_one("webhook-endpoints", "deliveries", deliveries.of_endpoint),
    _of_one("webhook-endpoints", "rotate", webhook_endpoints.rotate),
    _of_one("webhook-endpoints", "test", webhook_endpoints.test),
    _of_one("webhook-endpoints", "delete", webhook_endpoints.delete),
    re_path(
        rf"^deliveries/(?P<pk>{DeliveryViewSet.lookup_value_regex})/redeliver/$",
        deliveries.redeliver,
        name="office-deliveries-redeliver",
    ),
]
