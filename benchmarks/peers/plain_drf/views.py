"""The API in plain Django REST Framework: ViewSets, serializers, a router."""

import uuid
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from benchmarks.peers.data import PAGE_SIZE, list_of
from benchmarks.peers.plain_drf import store


class ProductSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    sku = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    category = serializers.CharField()
    company = serializers.CharField()
    date_manufactured = serializers.DateField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField()
    stock = serializers.IntegerField()
    is_sold = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()

    def get_is_sold(self, product: store.Record) -> bool:
        return int(product["stock"]) == 0


class ItemSerializer(serializers.Serializer[Any]):
    product = serializers.CharField()
    quantity = serializers.IntegerField(min_value=1)


class PurchaseSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(read_only=True)
    user = serializers.CharField(read_only=True)
    status = serializers.CharField(read_only=True)
    items = ItemSerializer(many=True)
    total = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[str, str] | None:
        header = request.headers.get("Authorization", "")
        if not header.startswith("Bearer "):
            return None
        token = header.removeprefix("Bearer ")
        user = store.user_of(token)
        if user is None:
            raise AuthenticationFailed
        return user, token


class ProductViewSet(ViewSet):
    authentication_classes = []

    def list(self, request: Request) -> Response:
        page = int(request.query_params.get("page", 1))
        category, word = request.query_params.get("category", ""), request.query_params.get("search", "")
        products = store.page(list_of(category=category, word=word), (page - 1) * PAGE_SIZE, PAGE_SIZE)
        following = request.build_absolute_uri(f"?page={page + 1}") if len(products) == PAGE_SIZE else None
        return Response({"next": following, "results": ProductSerializer(products, many=True).data})

    def retrieve(self, request: Request, pk: str) -> Response:
        product = store.product(pk)
        if product is None:
            raise NotFound
        return Response(ProductSerializer(product).data)


class PurchaseViewSet(ViewSet):
    authentication_classes = [TokenAuthentication]

    def create(self, request: Request) -> Response:
        if not request.user:
            raise AuthenticationFailed
        serializer = PurchaseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        now = datetime.now(UTC).isoformat()
        purchase = store.place(str(request.user), str(uuid.uuid4()), serializer.validated_data["items"], now)
        if purchase is None:
            raise ValidationError("Not enough in stock.")
        return Response(PurchaseSerializer(purchase).data, status=201)
