"""Scenes of vouchers, shipping methods and addresses at their bounds, for the test that counts what scripts cost."""

from collections.abc import Mapping

import pytest

from shop.domain.addresses import MAX_ADDRESSES
from shop.domain.callers import Caller, Role
from shop.domain.carts import MAX_LINES
from shop.domain.countries import COUNTRIES
from shop.domain.errors import TooManyAddresses, TooManyShippingMethods
from shop.domain.pages import MAX_PAGE_SIZE
from shop.domain.ports import Shop
from shop.domain.purchases import Status
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS
from tests.cart_samples import ADDRESS, EMAIL, GUEST, a_cart, change, checked_out, put
from tests.counted_store import CountedStore
from tests.samples import a_request, at_home, in_catalogue, issued, offered, registered

#: Commands of write.lua, journal.lua and events.lua around a script, a refusal included.
_WRITE = 16
#: Elements of all fields of a voucher, of a shipping method, and of a full cart.
_VOUCHER, _METHOD, _CART = 2 * 15, 2 * 9, 2 * (MAX_LINES + 20)

#: Of each script: commands, and elements of replies.
VOUCHER_COSTS: Mapping[str, tuple[int, int]] = {
    "address_create": (_WRITE + 8, 20),
    "address_delete": (_WRITE + 4, 20),
    "address_set_default": (_WRITE + 4, 20),
    "address_update": (_WRITE + 4, 20),
    "cart_set_voucher": (_WRITE + 12 + MAX_LINES, _CART + 40 + 3 * MAX_LINES),
    "shipping_method_create": (_WRITE + 6, _METHOD + 20),
    "shipping_method_delete": (_WRITE + 4, 20),
    "shipping_method_page": (1 + MAX_SHIPPING_METHODS, MAX_SHIPPING_METHODS * (1 + _METHOD)),
    "shipping_method_update": (_WRITE + 4, _METHOD + 20),
    "voucher_create": (_WRITE + 6, _VOUCHER + 20),
    "voucher_delete": (_WRITE + 4, 20),
    "voucher_page": (2 + MAX_PAGE_SIZE, (1 + MAX_PAGE_SIZE) * (1 + _VOUCHER)),
    "voucher_update": (_WRITE + 5, _VOUCHER + 20),
}
_STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")


def vouchers_on_more_pages_than_one(store: CountedStore, shop: Shop) -> None:
    for number in range(MAX_PAGE_SIZE + 1):
        issued(shop, code=f"PAGE-{number}", limit=9, limit_per_customer=9, currency="EUR", minimum=1)
    first = shop.vouchers.page(MAX_PAGE_SIZE, None)
    assert len(first.results) == MAX_PAGE_SIZE
    (voucher, *_) = first.results
    shop.vouchers.update(a_request(), voucher.code, lambda v: v.with_changes(at=v.updated_at, limit=8), None)
    shop.vouchers.delete(a_request(), voucher.code, None)


def as_many_shipping_methods_as_there_may_be(store: CountedStore, shop: Shop) -> None:
    methods = [
        offered(shop, code=f"bound-{number}", countries=tuple(sorted(COUNTRIES)))
        for number in range(MAX_SHIPPING_METHODS)
    ]
    with pytest.raises(TooManyShippingMethods):
        offered(shop, code="one-more")
    assert len(shop.shipping_methods.page(MAX_PAGE_SIZE, None).results) == MAX_SHIPPING_METHODS
    shop.shipping_methods.update(a_request(), methods[0].code, lambda m: m.with_changes(at=m.updated_at), None)
    shop.shipping_methods.delete(a_request(), methods[0].code, None)


def as_many_addresses_of_a_user_as_there_may_be(store: CountedStore, shop: Shop) -> None:
    ada = registered(shop)
    addresses = [at_home(shop, ada) for _ in range(MAX_ADDRESSES)]
    with pytest.raises(TooManyAddresses):
        at_home(shop, ada)
    shop.addresses.set_default(a_request(), ada.id, addresses[1].id)
    shop.addresses.update(a_request(), ada.id, addresses[1].id, lambda a: a.with_changes(at=a.updated_at), None)
    shop.addresses.delete(a_request(), ada.id, addresses[1].id, None)


def a_cart_of_as_many_lines_as_there_may_be_with_voucher_and_shipping(store: CountedStore, shop: Shop) -> None:
    voucher, cart = issued(shop, limit=9, limit_per_customer=9, currency="EUR", minimum=1), a_cart(shop)
    method = offered(shop, code="far", countries=tuple(sorted(COUNTRIES)))
    for product in [in_catalogue(shop, stock=5) for _ in range(MAX_LINES)]:
        put(shop, cart, product, 1)
    change(shop, cart, email=EMAIL, shipping_address=ADDRESS, shipping_method=method.code)
    shop.carts.set_voucher(a_request(), cart.id, GUEST, voucher.code, shop.clock.now())
    assert shop.carts.get(cart.id, GUEST).totals.discount.minor > 0
    purchase, now = checked_out(shop, cart), shop.clock.now()
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=_STAFF, restock=True, at=now)
    assert shop.vouchers.get(voucher.code).redeemed == 0
