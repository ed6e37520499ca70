from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shop.domain.api_keys import MAX_API_KEYS, StoredApiKey
from shop.domain.callers import Scope
from shop.domain.errors import NotFound, TooManyApiKeys
from tests.samples import a_request, again, an_api_key

AT = datetime(2026, 12, 1, tzinfo=UTC)


def confirm() -> None:
    """Nothing to confirm."""


def create(shop, request, key, name="digest"):
    return shop.api_keys.create(request, key, name, f"sealed {name}", confirm)


def roll(shop, id, request=None, name="second", expires_at=None):
    return shop.api_keys.roll(request or a_request(), id, name, f"sealed {name}", AT, expires_at, confirm)


def test_a_key_is_read_as_it_was_created(shop):
    key = an_api_key(shop, Scope.STOCK_WRITE, Scope.PURCHASES_READ, networks=("192.0.2.0/24", "2001:db8::/32")).key
    assert shop.api_keys.get(key.id) == key


def test_a_created_key_has_the_sealed_secret_of_the_first_try(shop):
    key, request = replace(an_api_key(shop).key, id="another"), a_request()
    first = create(shop, request, key)
    assert first.value == StoredApiKey(key=key, sealed="sealed digest")
    assert create(shop, again(request), replace(key, id="a third"), "other") == first
    assert shop.api_keys.credentials("a third") is None


def test_an_unknown_key_is_not_found(shop):
    assert shop.api_keys.credentials("unknown") is None
    for attempt in (shop.api_keys.get, lambda id: roll(shop, id), lambda id: shop.api_keys.revoke(a_request(), id)):
        with pytest.raises(NotFound):
            attempt("unknown")


def test_keys_are_listed_newest_first_in_pages(shop):
    ids = [an_api_key(shop).key.id for _ in range(3)]
    first = shop.api_keys.page(2, None)
    assert [key.id for key in first.results] == [ids[2], ids[1]]
    assert [key.id for key in shop.api_keys.page(2, first.next).results] == [ids[0]]


def test_a_roll_makes_the_present_secret_the_former_one(shop):
    issued = an_api_key(shop)
    rolled = roll(shop, issued.key.id)
    assert rolled.value == StoredApiKey(key=replace(issued.key, former_expires_at=AT), sealed="sealed second")
    held = shop.api_keys.credentials(issued.key.id)
    assert (held.digest, held.former_digest) == ("second", shop.secrets.digest(issued.secret))


def test_a_second_roll_ends_the_secret_before_the_former_one(shop):
    key = an_api_key(shop).key
    roll(shop, key.id)
    roll(shop, key.id, name="third")
    held = shop.api_keys.credentials(key.id)
    assert (held.digest, held.former_digest) == ("third", "second")


def test_a_repeated_roll_rolls_once(shop):
    key, request = an_api_key(shop).key, a_request()
    assert roll(shop, key.id, request) == roll(shop, key.id, again(request), "third")
    assert shop.api_keys.credentials(key.id).digest == "second"


def test_a_roll_may_move_the_expiry(shop):
    key = an_api_key(shop).key
    assert roll(shop, key.id, expires_at=AT + timedelta(days=9)).value.key.expires_at == AT + timedelta(days=9)


def test_a_revoked_key_is_gone_and_a_repeat_gets_the_outcome(shop):
    key, other, request = an_api_key(shop).key, an_api_key(shop).key, a_request()
    assert shop.api_keys.revoke(request, key.id) == shop.api_keys.revoke(request, key.id)
    assert shop.api_keys.credentials(key.id) is None
    assert shop.api_keys.page(9, None).results == [other]


def test_a_use_is_recorded_and_brings_no_revoked_key_back(shop):
    key = an_api_key(shop).key
    shop.api_keys.record_use(a_request(), key.id, AT)
    assert shop.api_keys.get(key.id).last_used_at == AT
    shop.api_keys.revoke(a_request(), key.id)
    shop.api_keys.record_use(a_request(), key.id, AT)
    assert shop.api_keys.credentials(key.id) is None


def test_a_shop_has_at_most_so_many_keys(shop):
    for _ in range(MAX_API_KEYS):
        last = an_api_key(shop).key
    with pytest.raises(TooManyApiKeys):
        an_api_key(shop)
    shop.api_keys.revoke(a_request(), last.id)
    assert an_api_key(shop).key.id != last.id


def test_what_is_not_confirmed_changes_nothing(shop):
    def refuse() -> None:
        raise NotFound("user", "of the test")

    issued = an_api_key(shop)
    attempts = (
        lambda: shop.api_keys.create(a_request(), replace(issued.key, id="new"), "d", "s", refuse),
        lambda: shop.api_keys.roll(a_request(), issued.key.id, "d", "s", AT, None, refuse),
    )
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    assert shop.api_keys.page(9, None).results == [issued.key]
    assert shop.api_keys.credentials(issued.key.id).digest == shop.secrets.digest(issued.secret)


def test_a_repeat_is_confirmed_no_second_time(shop):
    confirmations = []
    key, request = an_api_key(shop).key, a_request()
    for _ in range(2):
        shop.api_keys.roll(request, key.id, "d", "s", AT, None, lambda: confirmations.append(1))
    assert confirmations == [1]
