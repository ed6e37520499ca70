"""The check of the store knows holds: they add up to what is held, and never to more than the stock."""

import pytest

from shop.domain.carts import CartCaller
from shop.domain.errors import InsufficientStock
from tests.cart_samples import a_cart, a_ready_cart, checked_out, hold, put
from tests.integration.auditing import a_shop, found, on_primary
from tests.samples import a_request, in_catalogue, registered

FAR_AHEAD_MS = 4_000_000_000_000


@pytest.fixture
def container(redis_stack):
    with a_shop(redis_stack) as made:
        yield made


@pytest.fixture
def apple(container):
    """A product of which one cart holds three units, another one has had two, and a third one has bought one."""
    shop = container.shop
    product = in_catalogue(shop, stock=10)
    for units in (3, 2, 1):
        cart, caller = a_ready_cart(shop, product, units)
        hold(shop, cart, caller=caller)
        if units == 2:
            shop.carts.release(a_request(), cart.id, caller, shop.clock.now())
        if units == 1:
            checked_out(shop, cart, caller)
    return product


def test_nothing_is_wrong_after_everything_that_a_cart_can_do(container, apple):
    shop, user = container.shop, registered(container.shop)
    caller, own = CartCaller(user=user.id), a_cart(container.shop, owner=user.id)
    put(shop, own, apple, 2, caller)
    hold(shop, own, caller=caller)
    guests, guest = a_ready_cart(shop, apple, 1)
    shop.carts.claim(a_request(), guests.id, CartCaller(user=user.id, token=guest.token), shop.clock.now())
    hold(shop, own, caller=caller)
    shop.users.delete(a_request(), user.id, None)
    assert found(container) == []


DAMAGE = {
    "a hold that vanished": lambda keys, id: ("DEL", keys.holds(id)),
    "a hold too many": lambda keys, id: ("ZADD", keys.holds(id), FAR_AHEAD_MS, "cart:1"),
    "a sum of holds that is another one": lambda keys, id: ("HINCRBY", keys.product(id), "held", -1),
    "a product that forgot its holds": lambda keys, id: ("HDEL", keys.product(id), "held"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_holds_that_do_not_add_up_are_found(container, apple, damage):
    on_primary(container, DAMAGE[damage](container.keys, apple.id))
    assert found(container) == ["hold-law"]


def test_more_holds_than_stock_are_found(container, apple):
    on_primary(
        container,
        ("ZADD", container.keys.holds(apple.id), FAR_AHEAD_MS, "cart:9"),
        ("HINCRBY", container.keys.product(apple.id), "held", 9),
    )
    assert found(container) == ["hold-law"]


def test_holds_that_cannot_be_read_are_found(container, apple):
    on_primary(container, ("ZADD", container.keys.holds(apple.id), FAR_AHEAD_MS, "cart:many"))
    assert found(container) == ["unreadable"]


def test_a_cart_whose_hold_was_ended_by_a_clock_ahead_of_this_one_has_none(container):
    """As after a failover to a primary whose clock is behind: by it, the hold would not have ended yet."""
    shop = container.shop
    product = in_catalogue(shop, stock=5)
    cart, caller = a_ready_cart(shop, product, 5)
    hold(shop, cart, caller=caller)
    on_primary(
        container, ("DEL", container.keys.holds(product.id)), ("HSET", container.keys.product(product.id), "held", 0)
    )
    other, guest = a_ready_cart(shop, product, 5)
    checked_out(shop, other, guest)
    with pytest.raises(InsufficientStock):
        checked_out(shop, cart, caller)
    assert shop.products.get(product.id).stock == 0
    assert found(container) == []
