"""Carts over HTTP: what a user or a guest is about to buy."""

from dataclasses import replace
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop.api import fields, filters
from shop.api.cart_bodies import (
    CartChangeBody,
    CartResponse,
    CartSummaryResponse,
    HoldBody,
    IssuedCartResponse,
    NewCartBody,
    QuantityBody,
    VoucherBody,
    cart_change,
    cart_document,
    cart_summary_document,
)
from shop.api.cart_tokens import cart_caller
from shop.api.guests import admit_guest
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.viewsets import ShopViewSet
from shop.domain.carts import Cart, CartCaller
from shop.services import carts

_WRITE = Operation(response=CartResponse, uses_key=True, problems=("cart-purchased",))
_FILTERS = (filters.text_parameter("user", "Carts of this user; without it those of all guests."),)
#: Of answers that are a caller's alone, and differ with every price and stock.
_NO_STORE = {"Cache-Control": "no-store"}


class CartViewSet(ShopViewSet):
    """Carts, each for its owner or the holder of its token alone."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(body=NewCartBody(), response=IssuedCartResponse, status=201),
        "list": Operation(response=CartSummaryResponse, is_page=True, parameters=(*_FILTERS, *PAGING)),
        "retrieve": Operation(response=CartResponse),
        "partial_update": replace(
            _WRITE, body=CartChangeBody(), problems=("cart-purchased", "unknown-shipping-method")
        ),
        "destroy": Operation(status=204, uses_key=True),
        "put_line": replace(
            _WRITE,
            body=QuantityBody(),
            problems=("cart-purchased", "unknown-product", "currency-mismatch", "too-many-lines"),
        ),
        "remove_line": _WRITE,
        "put_voucher": replace(_WRITE, body=VoucherBody(), problems=("cart-purchased", "voucher-not-applicable")),
        "remove_voucher": _WRITE,
        "hold": replace(
            _WRITE,
            body=HoldBody(),
            problems=("cart-purchased", "cart-not-ready", "insufficient-stock", "too-many-holds"),
        ),
        "release": replace(_WRITE, problems=()),
        "claim": replace(_WRITE, problems=("cart-purchased", "too-many-lines")),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Create a cart.

        The cart of a signed-in user is theirs; a guest's has a `token`, which this response alone contains, and which
        is sent as X-Cart-Token from now on. A user who has 10 carts loses the one that was changed longest ago.
        """
        values, user, write = self.parsed_body(request), self.user_id, self.write_request(request)
        if not user:
            admit_guest(self.shop, request._request, write)
        result = carts.cart_create(shop=self.shop, request=write, user=user, **values)
        body = {**cart_document(result.value.cart), "token": result.value.token or None}
        headers = {**_NO_STORE, "Location": f"{request.path}{result.value.cart.id}/"}
        return self.write_response(request, result, body, headers)

    def list(self, request: Request) -> HttpResponseBase:
        """List carts.

        For staff: those of a user, or without `user` those of all guests; the one that was changed last first. A page
        may have fewer carts than `page_size` and still a `next` link, because some have expired.
        """
        query = self.page_request(request)
        page = carts.cart_list(shop=self.shop, user=query.filters.get("user"), size=query.size, position=query.position)
        return self.page_response(request, page, cart_summary_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a cart.

        The caller's own, or that of the token; for staff any.
        Prices and stocks are the present ones; what stands between the cart and its purchase is in `problems`.
        """
        cart = self._found(pk)
        self.form_instance = cart_document(cart)
        return self.respond(request, self.form_instance, _NO_STORE)

    def _found(self, id: str) -> Cart:
        caller = self.known_caller
        if caller is not None and caller.reaches_all:
            return carts.cart_inspect(shop=self.shop, id=id)
        return carts.cart_get(shop=self.shop, caller=self._cart_caller, id=id)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update a cart.

        Sets the email of a guest, the shipping address and the shipping method. What is left out stays as it is.
        """
        change = cart_change(self.parsed_body(request))
        result = carts.cart_update(
            shop=self.shop, request=self.write_request(request), caller=self._cart_caller, id=pk, change=change
        )
        return self._cart_response(request, result)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Delete a cart.

        What it holds is released. A purchase that was made of it stays.
        """
        result = carts.cart_delete(shop=self.shop, request=self.write_request(request), caller=self._cart_caller, id=pk)
        return self.write_response(request, result)

    @action(detail=True, methods=["put"], url_path=f"lines/(?P<product>{fields.UUID_PATTERN})", url_name="line")
    def put_line(self, request: Request, pk: str, product: str) -> HttpResponseBase:
        """Put a line into a cart.

        Sets the number of units of a product, at its present price. A hold of the cart ends: it was of other lines.
        """
        return self._line_response(request, pk, product, self.parsed_body(request)["quantity"])

    @put_line.mapping.delete
    def remove_line(self, request: Request, pk: str, product: str) -> HttpResponseBase:
        """Take a line out of a cart.

        A hold of the cart ends: it was of other lines.
        """
        self.parsed_body(request)
        return self._line_response(request, pk, product, 0)

    @action(detail=True, methods=["put"], url_path="voucher", url_name="voucher")
    def put_voucher(self, request: Request, pk: str) -> HttpResponseBase:
        """Put a voucher into a cart.

        In the place of the one that it has. It is redeemed when the cart is bought, and may be exhausted by then.
        """
        return self._voucher_response(request, pk, **self.parsed_body(request))

    @put_voucher.mapping.delete
    def remove_voucher(self, request: Request, pk: str) -> HttpResponseBase:
        """Take the voucher out of a cart."""
        self.parsed_body(request)
        return self._voucher_response(request, pk, code="")

    @action(detail=True, methods=["put"])
    def hold(self, request: Request, pk: str) -> HttpResponseBase:
        """Hold the units of a cart.

        Until the hold ends no other buyer gets the units of its lines; all of them are held, or none. A further hold
        takes its place, up to 30 minutes after the first one, and one that has ended is not renewed over another's.
        """
        result = carts.cart_hold(
            shop=self.shop,
            request=self.write_request(request),
            caller=self._cart_caller,
            id=pk,
            **self.parsed_body(request),
        )
        return self._cart_response(request, result)

    @hold.mapping.delete
    def release(self, request: Request, pk: str) -> HttpResponseBase:
        """Release the units of a cart.

        Ends the hold, if there is one.
        """
        self.parsed_body(request)
        result = carts.cart_release(
            shop=self.shop, request=self.write_request(request), caller=self._cart_caller, id=pk
        )
        return self._cart_response(request, result)

    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: str) -> HttpResponseBase:
        """Claim a guest's cart.

        Needs the token of the cart beside that of the user, and ends it. The cart goes into the user's open cart of its
        currency, lines of one product summed, or becomes theirs where they have none.
        """
        self.parsed_body(request)
        result = carts.cart_claim(shop=self.shop, request=self.write_request(request), caller=self._cart_caller, id=pk)
        return self._cart_response(request, result)

    @property
    def _cart_caller(self) -> CartCaller:
        return cart_caller(self.shop, self.request._request, self.user_id)

    def _line_response(self, request: Request, id: str, product: str, quantity: int) -> HttpResponseBase:
        result = carts.cart_set_line(
            shop=self.shop,
            request=self.write_request(request),
            caller=self._cart_caller,
            id=id,
            product=product,
            quantity=quantity,
        )
        return self._cart_response(request, result)

    def _voucher_response(self, request: Request, id: str, code: str) -> HttpResponseBase:
        write = self.write_request(request)
        result = carts.cart_set_voucher(shop=self.shop, request=write, caller=self._cart_caller, id=id, code=code)
        return self._cart_response(request, result)

    def _cart_response(self, request: Request, result: WriteResult[Cart]) -> HttpResponseBase:
        document: dict[str, Any] = cart_document(result.value)
        return self.write_response(request, result, document, _NO_STORE)
