"""The URLs of plain DRF, by its router."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from benchmarks.peers.plain_drf.views import ProductViewSet, PurchaseViewSet

router = DefaultRouter()
router.register("products", ProductViewSet, basename="product")
router.register("purchases", PurchaseViewSet, basename="purchase")

urlpatterns = [path("api/v1/", include(router.urls))]
