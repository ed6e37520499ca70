from datetime import UTC, datetime

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import NotFound
from shop.domain.ports import Credentials
from shop.domain.users import StoredToken
from tests.samples import FAR_AWAY, a_request, a_user, again, as_staff, known, registered, signed_in

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def ada(shop):
    return registered(shop)


def let_in(shop, caller, request_id="another"):
    return shop.users.caller(caller.token, request_id)


def test_a_token_stands_for_its_user(shop, ada):
    caller = signed_in(shop, ada)
    assert let_in(shop, caller) == Caller(id=ada.id, role=Role.CUSTOMER, token=caller.token)


def test_a_token_is_issued_until_it_expires(shop, ada):
    done = shop.users.issue_token(a_request(), known(shop, ada), "a-name", shop.clock.now(), FAR_AWAY, "sealed")
    assert done.value == StoredToken(expires_at=FAR_AWAY, sealed="sealed")


def test_a_repeated_sign_in_gets_the_sealed_secret_of_the_first_try(shop, ada):
    request = a_request()
    tries = [
        shop.users.issue_token(request, known(shop, ada), digest, shop.clock.now(), FAR_AWAY, f"sealed {digest}")
        for digest in ("first", "second")
    ]
    assert tries[0] == tries[1]
    assert tries[1].value.sealed == "sealed first"
    assert shop.users.caller("second", "another") is None


def test_a_token_stands_for_the_role_that_the_user_has_by_now(shop, ada):
    caller = signed_in(shop, ada)
    shop.users.set_role(a_request(), ada.id, Role.STAFF, shop.clock.now())
    assert let_in(shop, caller).is_staff


def test_an_unknown_token_stands_for_nobody(shop):
    assert shop.users.caller("unknown", "a-request") is None


def test_an_expired_token_stands_for_nobody(shop, ada):
    assert let_in(shop, signed_in(shop, ada, expires_at=LONG_AGO)) is None


def test_nobody_gets_no_token(shop):
    with pytest.raises(NotFound):
        nobody = Credentials(user=a_user(shop), password_hash="kept")
        shop.users.issue_token(a_request(), nobody, "a-name", shop.clock.now(), FAR_AWAY, "sealed")


def test_a_password_that_was_changed_after_it_was_checked_gets_no_token(shop, ada):
    checked = known(shop, ada)
    shop.users.set_password(a_request(), signed_in(shop, ada), lambda _: "another")
    with pytest.raises(NotFound):
        shop.users.issue_token(a_request(), checked, "a-name", shop.clock.now(), FAR_AWAY, "sealed")


def test_a_revoked_token_stands_for_nobody_and_the_others_stay(shop, ada):
    here, there = signed_in(shop, ada), signed_in(shop, ada)
    shop.users.revoke_token(a_request(), here)
    assert let_in(shop, here) is None
    assert let_in(shop, there) == there


def test_every_token_of_a_user_is_revoked_and_nobody_elses(shop, ada):
    here, there, other = signed_in(shop, ada), signed_in(shop, ada), signed_in(shop, registered(shop))
    shop.users.revoke_tokens(a_request(), here)
    assert [let_in(shop, caller) for caller in (here, there, other)] == [None, None, other]


def test_a_new_password_revokes_every_token_but_the_callers(shop, ada):
    here, there, other = signed_in(shop, ada), signed_in(shop, ada), signed_in(shop, registered(shop))
    shop.users.set_password(a_request(), here, lambda credentials: "new")
    assert [let_in(shop, caller) for caller in (here, there, other)] == [here, None, other]


def test_an_erased_users_tokens_are_revoked(shop, ada):
    here, there = signed_in(shop, ada), signed_in(shop, ada)
    shop.users.delete(a_request(), ada.id, None)
    assert [let_in(shop, caller) for caller in (here, there)] == [None, None]


revocations = {
    "signing out": lambda shop, request, caller: shop.users.revoke_token(request, caller),
    "signing out everywhere": lambda shop, request, caller: shop.users.revoke_tokens(request, caller),
    "deleting oneself": lambda shop, request, caller: shop.users.delete(request, caller.id, None),
}


@pytest.mark.parametrize("revoke", revocations.values(), ids=revocations)
@pytest.mark.parametrize(
    "sign_in", [as_staff, lambda shop: signed_in(shop, registered(shop))], ids=["staff", "customer"]
)
def test_the_request_that_revoked_a_token_gets_past_it_to_its_outcome(shop, revoke, sign_in):
    as_staff(shop)
    caller, request = sign_in(shop), a_request()
    first = revoke(shop, request, caller)
    assert let_in(shop, caller, request.id) == caller
    assert revoke(shop, request, caller) == first
    assert let_in(shop, caller, again(request).id) is None


def test_a_token_that_is_revoked_again_still_knows_the_first_request(shop, ada):
    caller, first = signed_in(shop, ada), a_request()
    shop.users.revoke_token(first, caller)
    shop.users.revoke_token(a_request(), caller)
    shop.users.revoke_tokens(a_request(), caller)
    assert let_in(shop, caller, first.id) == caller


def test_a_repeated_sign_in_does_not_bring_a_revoked_token_back(shop, ada):
    request = a_request()
    issue = [request, known(shop, ada), "a-name", shop.clock.now(), FAR_AWAY, "sealed"]
    shop.users.issue_token(*issue)
    shop.users.revoke_token(a_request(), Caller(id=ada.id, role=ada.role, token="a-name"))
    shop.users.issue_token(*issue)
    assert shop.users.caller("a-name", "another") is None


def test_somebody_who_registers_anew_is_not_let_in_by_an_older_token(shop, ada):
    caller = signed_in(shop, ada)
    shop.users.delete(a_request(), ada.id, None)
    registered(shop, email=ada.email)
    assert let_in(shop, caller) is None


def test_all_tokens_of_before_an_instant_are_revoked_at_once(shop, ada):
    here, other = signed_in(shop, ada), signed_in(shop, registered(shop))
    shop.users.revoke_every_token(a_request(), shop.clock.now())
    assert [let_in(shop, caller) for caller in (here, other)] == [None, None]
    assert shop.users.sessions(here, shop.clock.now()) == []


def test_a_token_that_is_issued_after_that_instant_counts(shop, ada):
    shop.users.revoke_every_token(a_request(), shop.clock.now())
    caller = signed_in(shop, ada)
    assert let_in(shop, caller) == caller
    assert len(shop.users.sessions(caller, shop.clock.now())) == 1


def test_a_token_outlives_a_later_one_that_has_expired(shop, ada):
    lasting = signed_in(shop, ada)
    signed_in(shop, ada, expires_at=LONG_AGO)
    assert let_in(shop, lasting).id == ada.id
