"""Every write takes effect once per record, and every repeat hears what the first one heard."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from exactly_once.errors import IdempotencyKeyReused, Refusal
from exactly_once.requests import WriteResult
from shop.domain.api_keys import MAX_API_KEYS
from shop.domain.callers import Role
from shop.domain.errors import InsufficientStock, Invalid, NotFound
from shop.domain.money import Money
from shop.domain.products import MAX_UNITS, ProductQuery
from shop.domain.purchases import Line, PurchaseQuery, Status
from shop.domain.sessions import session_id
from tests.samples import (
    FAR_AWAY,
    a_product,
    a_request,
    a_user,
    again,
    an_api_key,
    as_staff,
    in_catalogue,
    known,
    placed,
    products_page,
    registered,
    signed_in,
    under_the_key_of,
    units,
)


def only_of(is_as_it_was):
    """What is wrong after the first time, as the old password is, or a read-only field with its former value."""
    if not is_as_it_was:
        raise Invalid


def registering(shop):
    user = a_user(shop)
    return lambda request: shop.users.register(request, user, "kept")


def changing_a_user(shop):
    user = registered(shop)

    def change(present):
        only_of(present == user)
        return replace(user, email=f"new-{user.email}", version=2)

    return lambda request: shop.users.update(request, user.id, change, None)


def deleting_a_user(shop):
    user = registered(shop)
    return lambda request: shop.users.delete(request, user.id, 1)


def promoting(shop):
    user, now = registered(shop), shop.clock.now()
    return lambda request: shop.users.set_role(request, user.id, Role.STAFF, now)


def setting_a_password(shop):
    user = registered(shop)
    caller, kept = signed_in(shop, user), shop.users.credentials(user.email).password_hash

    def hashed(credentials):
        only_of(credentials.password_hash == kept)
        return "another"

    return lambda request: shop.users.set_password(request, caller, hashed)


def issuing_a_token(shop):
    user, now = registered(shop), shop.clock.now()
    checked = known(shop, user)
    return lambda request: shop.users.issue_token(request, checked, f"token of {user.id}", now, FAR_AWAY, "sealed")


def revoking_a_token(shop):
    caller = signed_in(shop, registered(shop))
    return lambda request: shop.users.revoke_token(request, caller)


def revoking_every_token(shop):
    caller = signed_in(shop, registered(shop))
    return lambda request: shop.users.revoke_tokens(request, caller)


def ending_a_session(shop):
    caller = signed_in(shop, registered(shop))
    at = shop.clock.now()
    return lambda request: shop.users.revoke_session(request, caller, session_id(caller.token), at)


def revoking_the_tokens_of_every_user(shop):
    now = shop.clock.now()
    return lambda request: shop.users.revoke_every_token(request, now)


def creating_an_api_key(shop):
    key = replace(an_api_key(shop).key, id="another")
    return lambda request: shop.api_keys.create(request, key, "digest", "sealed", lambda: None)


def rolling_an_api_key(shop):
    key, until = an_api_key(shop).key, shop.clock.now()
    return lambda request: shop.api_keys.roll(request, key.id, "digest", "sealed", until, None, lambda: None)


def revoking_an_api_key(shop):
    key = an_api_key(shop).key
    return lambda request: shop.api_keys.revoke(request, key.id)


def creating_a_product(shop):
    product = a_product(shop)
    return lambda request: shop.products.create(request, product)


def editing_a_product(shop):
    product = in_catalogue(shop)

    def change(present):
        only_of(present == product)
        return product.with_changes(at=product.updated_at, name="Braeburn")

    return lambda request: shop.products.update(request, product.id, change, None)


def withdrawing_a_product(shop):
    product = in_catalogue(shop)
    return lambda request: shop.products.withdraw(request, product.id, 1)


def adjusting_stock(shop):
    product = in_catalogue(shop, stock=3)
    return lambda request: shop.products.adjust_stock(request, product.id, -2, 3)


def buying_the_last_units(shop):
    buyer, product = registered(shop), in_catalogue(shop, stock=3)
    return lambda request: shop.purchases.place(
        request, shop.ids.new(shop.clock.now()), buyer.id, [units(product, 3)], shop.clock.now()
    )


def moving(*steps, restock=False):
    def scene(shop):
        staff = as_staff(shop)
        purchase = placed(shop, registered(shop).id, units(in_catalogue(shop), 2))
        for step in steps[:-1]:
            shop.purchases.move(a_request(), purchase.id, step, by=staff, restock=False, at=shop.clock.now())
        return lambda request: shop.purchases.move(
            request, purchase.id, steps[-1], by=staff, restock=restock, at=shop.clock.now()
        )

    return scene


WRITES = {
    "registering": registering,
    "changing a user": changing_a_user,
    "deleting a user": deleting_a_user,
    "promoting": promoting,
    "setting a password": setting_a_password,
    "issuing a token": issuing_a_token,
    "revoking a token": revoking_a_token,
    "revoking every token": revoking_every_token,
    "ending a session": ending_a_session,
    "revoking the tokens of every user": revoking_the_tokens_of_every_user,
    "creating an API key": creating_an_api_key,
    "rolling an API key": rolling_an_api_key,
    "revoking an API key": revoking_an_api_key,
    "creating a product": creating_a_product,
    "editing a product": editing_a_product,
    "withdrawing a product": withdrawing_a_product,
    "adjusting stock": adjusting_stock,
    "buying the last units": buying_the_last_units,
    "paying": moving(Status.PAID),
    "cancelling": moving(Status.CANCELLED, restock=True),
    "refunding": moving(Status.PAID, Status.REFUNDED, restock=True),
}


def taking_an_email(shop):
    user = a_user(shop, email=registered(shop).email)
    return lambda request: shop.users.register(request, user, "kept")


def changing_to_a_taken_email(shop):
    taken, user = registered(shop).email, registered(shop)
    return lambda request: shop.users.update(request, user.id, lambda u: replace(u, email=taken), None)


def changing_an_older_user(shop):
    user = registered(shop)
    return lambda request: shop.users.update(request, user.id, lambda u: u, 7)


def deleting_an_older_user(shop):
    user = registered(shop)
    return lambda request: shop.users.delete(request, user.id, 7)


def deleting_the_last_staff(shop):
    staff = registered(shop, role=Role.STAFF)
    return lambda request: shop.users.delete(request, staff.id, None)


def demoting_the_last_staff(shop):
    staff = registered(shop, role=Role.STAFF)
    return lambda request: shop.users.set_role(request, staff.id, Role.CUSTOMER, shop.clock.now())


def creating_one_api_key_too_many(shop):
    for _ in range(MAX_API_KEYS):
        an_api_key(shop)
    key = replace(shop.api_keys.page(1, None).results[0], id="another")
    return lambda request: shop.api_keys.create(request, key, "digest", "sealed", lambda: None)


def taking_a_sku(shop):
    product = a_product(shop, sku=in_catalogue(shop).sku)
    return lambda request: shop.products.create(request, product)


def editing_an_older_product(shop):
    product = in_catalogue(shop)
    return lambda request: shop.products.update(request, product.id, lambda p: p, 7)


def withdrawing_an_older_product(shop):
    product = in_catalogue(shop)
    return lambda request: shop.products.withdraw(request, product.id, 7)


def expecting_another_stock(shop):
    product = in_catalogue(shop, stock=3)
    return lambda request: shop.products.adjust_stock(request, product.id, 1, 7)


def taking_more_than_there_is(shop):
    product = in_catalogue(shop, stock=3)
    return lambda request: shop.products.adjust_stock(request, product.id, -4, None)


def buying(*lines_of):
    def scene(shop):
        buyer = registered(shop)
        lines = [line_of(shop) for line_of in lines_of]
        return lambda request: shop.purchases.place(request, "a-purchase", buyer.id, lines, shop.clock.now())

    return scene


REFUSALS = {
    "taking an email": taking_an_email,
    "changing to a taken email": changing_to_a_taken_email,
    "changing an older user": changing_an_older_user,
    "deleting an older user": deleting_an_older_user,
    "deleting the last staff": deleting_the_last_staff,
    "demoting the last staff": demoting_the_last_staff,
    "creating one API key too many": creating_one_api_key_too_many,
    "taking a SKU": taking_a_sku,
    "editing an older product": editing_an_older_product,
    "withdrawing an older product": withdrawing_an_older_product,
    "expecting another stock": expecting_another_stock,
    "taking more than there is": taking_more_than_there_is,
    "buying more than there is": buying(lambda shop: units(in_catalogue(shop, stock=1), 2)),
    "buying what is not there": buying(lambda shop: Line(product="nothing", quantity=1)),
    "buying in two currencies": buying(
        lambda shop: units(in_catalogue(shop), 1),
        lambda shop: units(in_catalogue(shop, price=Money(minor=1, currency="JPY")), 1),
    ),
    "shipping what is not paid": moving(Status.SHIPPED),
}


def everything(shop):
    """All that a client can see."""
    return (
        shop.users.page("", 100, None),
        shop.api_keys.page(100, None),
        products_page(shop, ProductQuery(), 100, None),
        products_page(shop, ProductQuery(in_stock=True), 100, None),
        shop.products.categories(100, None),
        *(shop.purchases.page(PurchaseQuery(status=status), 100, None) for status in (None, *Status)),
    )


def told(act, request):
    with pytest.raises(Refusal) as refused:
        act(request)
    return refused.value


@pytest.fixture
def act(shop, scene):
    return scene(shop)


every_write = pytest.mark.parametrize("scene", WRITES.values(), ids=WRITES)
every_refusal = pytest.mark.parametrize("scene", REFUSALS.values(), ids=REFUSALS)


@every_write
def test_who_does_it_first_has_done_it(act):
    request = a_request()
    assert act(request).origin_request_id == request.id


@every_write
def test_a_repeat_hears_the_first_ones_outcome(act):
    request = a_request()
    first = act(request)
    assert act(request) == act(again(request)) == first


@every_write
def test_a_repeat_changes_nothing(shop, act):
    request = a_request()
    act(request)
    seen = everything(shop)
    act(again(request))
    assert everything(shop) == seen


@every_write
def test_a_repeat_hears_the_same_though_the_world_has_moved_on(shop, act):
    request = a_request()
    first = act(request)
    for product in products_page(shop, ProductQuery(), 100, None).results:
        shop.products.withdraw(a_request(), product.id, None)
    assert act(again(request)) == first


@every_write
def test_of_one_request_sent_many_times_at_once_all_hear_the_same(shop, act):
    request, together = a_request(), Barrier(8)

    def send(number):
        together.wait()
        return act(replace(request, id=f"{request.id}-{number}"))

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(send, range(8)))
    assert outcomes == outcomes[:1] * 8


@every_write
def test_another_request_under_the_same_key_is_refused_and_does_nothing(shop, act):
    request = a_request()
    first = act(request)
    seen = everything(shop)
    assert type(told(act, under_the_key_of(request))) is IdempotencyKeyReused
    assert everything(shop) == seen
    assert act(again(request)) == first


@every_write
def test_the_request_of_another_caller_under_the_same_key_is_refused_and_does_nothing(shop, act):
    request = a_request(caller_fingerprint="of Alice")
    first = act(request)
    seen = everything(shop)
    assert type(told(act, replace(again(request), caller_fingerprint="of Bob"))) is IdempotencyKeyReused
    assert everything(shop) == seen
    assert act(again(request)) == first


@every_refusal
def test_who_is_refused_first_is_named(act):
    request = a_request()
    assert told(act, request).origin_request_id == request.id


@every_refusal
def test_a_repeat_of_what_was_refused_is_refused_with_the_same_words(act):
    request = a_request()
    first, second = told(act, request), told(act, again(request))
    assert (type(second), vars(second)) == (type(first), vars(first))


@every_refusal
def test_a_refusal_changes_nothing(shop, act):
    seen = everything(shop)
    told(act, a_request())
    assert everything(shop) == seen


@every_refusal
def test_the_key_of_a_refused_request_is_taken_too(act):
    request = a_request()
    told(act, request)
    assert type(told(act, under_the_key_of(request))) is IdempotencyKeyReused


def test_a_refusal_stands_though_the_world_has_moved_on(shop):
    product, request = in_catalogue(shop, stock=1), a_request()
    with pytest.raises(InsufficientStock):
        shop.products.adjust_stock(request, product.id, -2, None)
    shop.products.adjust_stock(a_request(), product.id, 5, None)
    with pytest.raises(InsufficientStock) as refused:
        shop.products.adjust_stock(again(request), product.id, -2, None)
    assert refused.value.shortages[0].available == 1


def test_a_key_that_was_used_elsewhere_is_nobodys_outcome(shop):
    request = a_request()
    deleting_a_user(shop)(request)
    for scene in (editing_a_product, withdrawing_a_product, changing_a_user, setting_a_password, creating_a_product):
        with pytest.raises(IdempotencyKeyReused) as refused:
            scene(shop)(under_the_key_of(request))
        assert refused.value.origin_request_id != request.id


def test_what_was_not_found_may_be_found_by_a_repeat(shop):
    product, request = a_product(shop, stock=1), a_request()
    with pytest.raises(NotFound):
        shop.products.adjust_stock(request, product.id, 1, None)
    shop.products.create(a_request(), product)
    repeat = again(request)
    assert shop.products.adjust_stock(repeat, product.id, 1, None) == WriteResult(value=2, origin_request_id=repeat.id)


def test_what_was_wrong_may_be_right_in_a_repeat(shop):
    product, request = in_catalogue(shop, stock=1), a_request()
    with pytest.raises(Invalid):
        shop.products.adjust_stock(request, product.id, MAX_UNITS, None)
    shop.products.adjust_stock(a_request(), product.id, -1, None)
    assert shop.products.adjust_stock(request, product.id, MAX_UNITS, None).value == MAX_UNITS


def test_what_a_change_raised_is_no_outcome(shop):
    user, product, request = registered(shop), in_catalogue(shop), a_request()

    def change(present):
        raise Invalid

    for attempt in (
        lambda: shop.users.update(request, user.id, change, None),
        lambda: shop.products.update(request, product.id, change, None),
        lambda: shop.users.set_password(request, signed_in(shop, user), change),
    ):
        with pytest.raises(Invalid):
            attempt()
    assert adjusting_stock(shop)(request).origin_request_id == request.id
