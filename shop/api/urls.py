"""The URLs below /api/."""

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.routers import APIRootView, DefaultRouter

from shop.api.access import access_of, admit
from shop.api.addresses import AddressViewSet
from shop.api.api_keys import ApiKeyViewSet
from shop.api.audit import AuditViewSet
from shop.api.authentication import caller_of
from shop.api.carts import CartViewSet
from shop.api.documents import redoc, schema, swagger
from shop.api.events import EventViewSet
from shop.api.exports import ExportViewSet
from shop.api.imports import ImportViewSet
from shop.api.landing import redirect_to
from shop.api.login import log_in, log_out
from shop.api.mail_forms import password_reset, registration
from shop.api.payments import PaymentViewSet
from shop.api.products import ProductViewSet
from shop.api.purchases import PurchaseViewSet
from shop.api.returns import ReturnViewSet
from shop.api.shipping_methods import ShippingMethodViewSet
from shop.api.tokens import TokenViewSet
from shop.api.transfer_exports import TransferExportViewSet
from shop.api.users import UserViewSet
from shop.api.vouchers import VoucherViewSet
from shop.api.webhooks import DeliveryViewSet, WebhookEndpointViewSet


class Root(APIRootView):
    """List the collections of the API."""

    http_method_names = ["get", "head"]

    def perform_authentication(self, request: Request) -> None:
        """Do nothing: the access table says whether a caller is required."""

    def check_permissions(self, request: Request) -> None:
        """Raises: NotAuthenticated, PermissionDenied."""
        if request.method in ("GET", "HEAD") and not (access := access_of(request._request)).is_public:
            admit(access, caller_of(request))


class _Router(DefaultRouter):
    APIRootView = Root
    include_format_suffixes = False


router = _Router()
router.register("products", ProductViewSet, basename="products")
router.register("carts", CartViewSet, basename="carts")
router.register("purchases", PurchaseViewSet, basename="purchases")
router.register("payments", PaymentViewSet, basename="payments")
router.register("returns", ReturnViewSet, basename="returns")
router.register("vouchers", VoucherViewSet, basename="vouchers")
router.register("shipping-methods", ShippingMethodViewSet, basename="shipping_methods")
router.register("users/me/addresses", AddressViewSet, basename="addresses")
router.register("users", UserViewSet, basename="users")
router.register("api-keys", ApiKeyViewSet, basename="api_keys")
router.register("audit", AuditViewSet, basename="audit")
router.register("events", EventViewSet, basename="events")
router.register("webhook-endpoints", WebhookEndpointViewSet, basename="webhook_endpoints")
router.register("deliveries", DeliveryViewSet, basename="deliveries")
router.register("imports", ImportViewSet, basename="imports")
router.register("exports", TransferExportViewSet, basename="exports")
router.register("auth", TokenViewSet, basename="auth")

urlpatterns = [
    path("", redirect_to("api-root"), name="api-home"),
    path("v1/users/me/export/", ExportViewSet.as_view({"get": "export"}, basename="users"), name="users-export"),
    path("v1/", include(router.urls)),
    path("schema/", schema, name="schema"),
    path("docs/", swagger, name="docs"),
    path("redoc/", redoc, name="redoc"),
    path("login/", log_in, name="login"),
    path("logout/", log_out, name="logout"),
    path("password-reset/", password_reset, name="password-reset"),
    path("registration/", registration, name="registration"),
]
