from datetime import timedelta

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import NotFound
from shop.domain.sessions import MAX_LIVE_TOKENS, Session, session_id
from tests.samples import FAR_AWAY, a_request, again, known, registered, signed_in


@pytest.fixture
def ada(shop):
    return registered(shop)


def sign_in(shop, user, number, at, new_hash=""):
    """A token that ends `number` seconds before the far future."""
    digest, expires_at = f"digest {number}", FAR_AWAY - timedelta(seconds=number)
    shop.users.issue_token(a_request(), known(shop, user), digest, at, expires_at, "sealed", new_hash)
    return Caller(id=user.id, role=user.role, token=digest)


def test_a_session_is_a_live_token_of_the_user(shop, ada):
    at = shop.clock.now()
    older, newer = sign_in(shop, ada, 2, at), sign_in(shop, ada, 1, at)
    signed_in(shop, registered(shop))
    assert shop.users.sessions(newer, at) == [
        Session(
            id=session_id(caller.token),
            digest=caller.token,
            created_at=at,
            last_used_at=None,
            expires_at=FAR_AWAY - timedelta(seconds=ago),
            is_current=caller is newer,
        )
        for ago, caller in ((1, newer), (2, older))
    ]


def test_a_revoked_or_expired_token_is_no_session(shop, ada):
    at = shop.clock.now()
    first, second = sign_in(shop, ada, 2, at), sign_in(shop, ada, 1, at)
    shop.users.revoke_token(a_request(), second)
    assert [each.digest for each in shop.users.sessions(first, at)] == [first.token]
    assert shop.users.sessions(first, FAR_AWAY) == []


def test_a_use_is_recorded_in_the_session_and_the_caller(shop, ada):
    at = shop.clock.now()
    caller, used = sign_in(shop, ada, 1, at), at + timedelta(hours=2)
    assert shop.users.caller(caller.token, "another").last_used_at == at
    shop.users.record_token_use(a_request(), caller.token, used)
    assert shop.users.caller(caller.token, "another").last_used_at == used
    assert shop.users.sessions(caller, at)[0].last_used_at == used


def test_a_use_brings_no_revoked_token_back(shop, ada):
    caller = sign_in(shop, ada, 1, shop.clock.now())
    shop.users.revoke_token(a_request(), caller)
    shop.users.record_token_use(a_request(), caller.token, shop.clock.now())
    shop.users.record_token_use(a_request(), "unknown", shop.clock.now())
    assert [shop.users.caller(token, "another") for token in (caller.token, "unknown")] == [None, None]


def test_one_session_is_ended_and_the_others_stay(shop, ada):
    at = shop.clock.now()
    here, there, request = sign_in(shop, ada, 2, at), sign_in(shop, ada, 1, at), a_request()
    first = shop.users.revoke_session(request, here, session_id(there.token), at)
    assert shop.users.revoke_session(again(request), here, session_id(there.token), at) == first
    assert [shop.users.caller(caller.token, "another") for caller in (here, there)] == [here, None]


def test_the_request_that_ended_its_own_session_gets_past_it_to_its_outcome(shop, ada):
    at = shop.clock.now()
    caller, request = sign_in(shop, ada, 1, at), a_request()
    shop.users.revoke_session(request, caller, session_id(caller.token), at)
    assert shop.users.caller(caller.token, request.id) == caller
    assert shop.users.caller(caller.token, again(request).id) is None


def test_a_session_of_another_user_is_not_found(shop, ada):
    at = shop.clock.now()
    mine, other = sign_in(shop, ada, 1, at), signed_in(shop, registered(shop))
    for id in (session_id(other.token), "unknown"):
        with pytest.raises(NotFound):
            shop.users.revoke_session(a_request(), mine, id, at)
    assert shop.users.caller(other.token, "another") == other


def test_a_sign_in_beyond_the_limit_ends_the_oldest_session(shop, ada):
    at = shop.clock.now()
    callers = [sign_in(shop, ada, number, at) for number in range(MAX_LIVE_TOKENS + 2, 0, -1)]
    assert [each.digest for each in shop.users.sessions(callers[-1], at)] == [
        caller.token for caller in reversed(callers[2:])
    ]
    assert [shop.users.caller(caller.token, "another") for caller in callers[:3]] == [None, None, callers[2]]


def test_a_sign_in_may_replace_the_hash_of_the_password(shop, ada):
    sign_in(shop, ada, 1, shop.clock.now(), new_hash="hash of new parameters")
    assert known(shop, ada).password_hash == "hash of new parameters"


def test_a_role_and_an_erasure_are_confirmed_before_anything_is_done(shop, ada):
    def refuse() -> None:
        raise NotFound("user", "of the test")

    for attempt in (
        lambda: shop.users.set_role(a_request(), ada.id, Role.STAFF, shop.clock.now(), refuse),
        lambda: shop.users.delete(a_request(), ada.id, None, refuse),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert shop.users.get(ada.id) == ada


def test_a_repeat_of_a_confirmed_write_is_not_confirmed_again(shop, ada):
    confirmations, role, erasure = [], a_request(), a_request()
    registered(shop, role=Role.STAFF)
    for _ in range(2):
        shop.users.set_role(role, ada.id, Role.STAFF, shop.clock.now(), lambda: confirmations.append("role"))
    for _ in range(2):
        shop.users.delete(erasure, ada.id, None, lambda: confirmations.append("erasure"))
    assert confirmations == ["role", "erasure"]
