"""Rate limits of reads, passwords and registrations; and what keeps one network from locking another out of an
account."""

from datetime import timedelta

import pytest

from exactly_once.errors import RateLimited
from exactly_once.rate_limits import RateLimit, RateState
from shop.domain.errors import Invalid, InvalidCredentials, NotFound
from shop.domain.ports import MAX_KNOWN_NETWORKS
from shop.domain.rate_limits import KNOWN_NETWORK_LIFETIME, PasswordLimits
from shop.services.accounts import registration_confirm, reset_confirm, reset_request
from shop.services.admission import digest_of, registration_admit
from shop.services.reauthentication import password_check
from shop.services.tokens import token_issue
from shop.services.users import user_set_password
from tests.samples import PASSWORD, a_request, again, an_api_key, known, registered, signed_in

MINUTE_US = 60_000_000
MANY = 1_000
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.1"


def a_limit(key: str = "", burst: int = 3, **changes) -> RateLimit:
    return RateLimit(key=key, interval_us=MINUTE_US, burst=burst, **changes)


def passwords_from(network: str, *, of_network: int = MANY, of_both: int = MANY, of_account: int = MANY):
    return PasswordLimits(
        network=network,
        of_network=a_limit("network:", of_network),
        of_account_and_network=a_limit("both:", of_both),
        of_account=a_limit("account:", of_account),
    )


@pytest.fixture
def ada(shop):
    return registered(shop, email="ada@example.com")


def sign_in(shop, limits: PasswordLimits, *, email="ada@example.com", password=PASSWORD, request=None):
    return token_issue(shop=shop, request=request or a_request(), email=email, password=password, limits=limits)


def guess(shop, limits: PasswordLimits, email="ada@example.com") -> str:
    try:
        sign_in(shop, limits, email=email, password="wrong horse")
    except (RateLimited, InvalidCredentials) as error:
        return type(error).__name__
    raise AssertionError("a wrong password was taken")


def beside_a_token(shop, caller, limits: PasswordLimits, *, password=PASSWORD, request=None) -> None:
    password_check(shop=shop, request=request or a_request(), caller=caller, password=password, limits=limits)()


def change_password(shop, caller, limits: PasswordLimits, *, password=PASSWORD) -> None:
    user_set_password(
        shop=shop, request=a_request(), caller=caller, current=password, new="Tr0ubador & three", limits=limits
    )


def confirm_reset(shop, secret: str, limits: PasswordLimits) -> str:
    token = f"01a196fb-1601-7000-8000-000000000001.{secret}"
    return outcome(reset_confirm, shop=shop, token=token, new_password="Tr0ubador & three", limits=limits)


def confirm_registration(shop, secret: str, limits: PasswordLimits) -> str:
    return outcome(registration_confirm, shop=shop, token=f"{'0' * 40}.{secret}", password=PASSWORD, limits=limits)


def outcome(act, **values) -> str:
    with pytest.raises((Invalid, RateLimited)) as raised:
        act(request=a_request(), **values)
    return "Invalid" if isinstance(raised.value, Invalid) else LIMITED


WRONG, LIMITED = "InvalidCredentials", "RateLimited"


def test_reads_of_a_user_are_limited_together_over_all_tokens(shop, ada):
    callers = [signed_in(shop, ada) for _ in range(3)]
    assert [shop.users.caller(each.token, "r", a_limit("reads:")).id for each in callers] == [ada.id] * 3
    with pytest.raises(RateLimited):
        shop.users.caller(callers[0].token, "r", a_limit("reads:"))


def test_reads_of_users_are_limited_apart(shop, ada):
    callers = [signed_in(shop, user) for user in (ada, registered(shop, email="bob@example.com"))]
    assert all(shop.users.caller(each.token, "r", a_limit("reads:", 1)) for each in callers)


def test_a_token_that_is_none_is_not_charged(shop):
    states: list[RateState] = []
    assert shop.users.caller("unknown", "r", a_limit("reads:", observe=states.append)) is None
    assert states == []


def test_a_read_without_a_limit_is_not_charged(shop, ada):
    caller = signed_in(shop, ada)
    for _ in range(5):
        shop.users.caller(caller.token, "r")
    assert shop.users.caller(caller.token, "r", a_limit("reads:", 1))


def test_reads_of_an_api_key_are_limited_where_the_secret_is_its_own(shop):
    issued = an_api_key(shop)
    id, digest = issued.key.id, shop.secrets.digest(issued.secret)
    for _ in range(5):
        assert shop.api_keys.credentials(id, "another digest", a_limit("reads:", 1))
    assert shop.api_keys.credentials(id, digest, a_limit("reads:", 1)).key == issued.key
    with pytest.raises(RateLimited):
        shop.api_keys.credentials(id, digest, a_limit("reads:", 1))


def test_a_call_that_one_limit_refuses_is_charged_to_none(shop):
    with pytest.raises(RateLimited):
        for _ in range(2):
            shop.rates.admit([a_limit("narrow", 1), a_limit("wide", 2)])
    states: list[RateState] = []
    shop.rates.admit([a_limit("wide", 2, observe=states.append)])
    assert [state.remaining for state in states] == [0]


def test_limits_that_are_off_admit_every_call(shop):
    states: list[RateState] = []
    for _ in range(3):
        shop.rates.admit([RateLimit(key="off", interval_us=0, burst=0, observe=states.append)])
    assert states == []


def test_passwords_from_one_network_are_limited_over_all_accounts(shop, ada):
    limits = passwords_from(ELSEWHERE, of_network=2)
    assert [guess(shop, limits, email) for email in ("ada@example.com", "eve@example.com")] == [WRONG, WRONG]
    assert guess(shop, limits, "bob@example.com") == LIMITED
    assert guess(shop, passwords_from(HOME, of_network=2)) == WRONG


def test_passwords_of_an_account_from_one_network_are_limited(shop, ada):
    limits = passwords_from(ELSEWHERE, of_both=2)
    assert [guess(shop, limits) for _ in range(3)] == [WRONG, WRONG, LIMITED]
    assert guess(shop, limits, "eve@example.com") == WRONG


def test_passwords_of_an_account_from_ever_new_networks_are_limited(shop, ada):
    answers = [guess(shop, passwords_from(f"203.0.113.{number}", of_account=3)) for number in range(5)]
    assert answers == [WRONG] * 3 + [LIMITED] * 2


def test_an_account_without_a_user_is_limited_as_one_with_a_user(shop, ada):
    def answers(email: str) -> list[str]:
        return [guess(shop, passwords_from(f"203.0.113.{number}", of_account=3), email) for number in range(5)]

    assert answers("ada@example.com") == answers("not-there@example.com")


def test_a_spelling_of_the_email_has_no_limit_of_its_own(shop, ada):
    limits = passwords_from(ELSEWHERE, of_both=1)
    assert [guess(shop, limits), guess(shop, limits, "ADA@example.com")] == [WRONG, LIMITED]


def test_attempts_from_elsewhere_do_not_lock_the_user_out_of_a_known_network(shop, ada):
    sign_in(shop, passwords_from(HOME))
    for number in range(5):
        guess(shop, passwords_from(f"203.0.113.{number}", of_account=3))
    assert guess(shop, passwords_from(ELSEWHERE, of_account=3)) == LIMITED
    assert sign_in(shop, passwords_from(HOME, of_account=3)).user == ada


def test_a_network_stays_known_for_30_days(shop, ada):
    sign_in(shop, passwords_from(HOME))
    for number in range(5):
        guess(shop, passwords_from(f"203.0.113.{number}", of_account=3))
    shop.clock.advance(KNOWN_NETWORK_LIFETIME - timedelta(minutes=1))
    assert sign_in(shop, passwords_from(HOME, of_account=3))
    shop.clock.advance(KNOWN_NETWORK_LIFETIME + timedelta(minutes=1))
    with pytest.raises(RateLimited):
        sign_in(shop, passwords_from(HOME, of_account=3))


def test_a_wrong_password_makes_no_network_known(shop, ada):
    guess(shop, passwords_from(ELSEWHERE))
    assert not known(shop, ada).networks


def test_the_last_networks_of_a_user_are_remembered_and_no_more(shop, ada):
    networks = [f"203.0.113.{number}" for number in range(MAX_KNOWN_NETWORKS + 3)]
    for network in (*networks, networks[5]):
        sign_in(shop, passwords_from(network))
    expected = [networks[5], *networks[:2:-1]]
    expected = list(dict.fromkeys(expected))[:MAX_KNOWN_NETWORKS]
    assert list(known(shop, ada).networks) == [digest_of(shop, "network", network) for network in expected]


def test_a_repeated_sign_in_is_charged_once(shop, ada):
    limits, request = passwords_from(HOME, of_network=2), a_request()
    first = sign_in(shop, limits, request=request)
    assert [sign_in(shop, limits, request=again(request)).secret for _ in range(4)] == [first.secret] * 4
    assert sign_in(shop, limits)
    assert guess(shop, limits) == LIMITED


def test_the_password_beside_a_token_is_limited(shop, ada):
    caller = signed_in(shop, ada)

    def attempt(limits: PasswordLimits) -> None:
        beside_a_token(shop, caller, limits)

    attempt(passwords_from(ELSEWHERE, of_both=1))
    with pytest.raises(RateLimited):
        attempt(passwords_from(ELSEWHERE, of_both=1))
    attempt(passwords_from(HOME, of_both=1))


def test_a_password_beside_a_token_counts_as_a_sign_in_of_the_account(shop, ada):
    caller = signed_in(shop, ada)
    limits = passwords_from(ELSEWHERE, of_both=3)
    assert guess(shop, limits, "ADA@example.com") == WRONG
    for attempt in (beside_a_token, change_password):
        with pytest.raises(Invalid):
            attempt(shop, caller, limits, password="wrong horse")
    for attempt in (beside_a_token, change_password):
        with pytest.raises(RateLimited):
            attempt(shop, caller, limits)
    assert guess(shop, limits) == LIMITED


def test_a_password_beside_a_token_of_a_recorded_request_is_not_charged(shop, ada):
    caller, recorded, limits = signed_in(shop, ada), a_request(), passwords_from(HOME, of_both=1)
    shop.users.record_token_use(recorded, caller.token, shop.clock.now())
    for _ in range(3):
        beside_a_token(shop, caller, limits, request=again(recorded))
    assert guess(shop, limits) == WRONG


def test_a_sign_in_that_is_tried_again_is_charged_once(shop, ada, monkeypatch):
    issue, errors = shop.users.issue_token, [NotFound("user", ada.id)]

    def issue_at_the_second_try(*args):
        if errors:
            raise errors.pop()
        return issue(*args)

    monkeypatch.setattr(shop.users, "issue_token", issue_at_the_second_try)
    assert sign_in(shop, passwords_from(HOME, of_both=1)).user == ada
    assert errors == []


def test_a_password_change_that_is_tried_again_is_charged_once(shop, ada, monkeypatch):
    set_password = shop.users.set_password

    def set_at_the_second_try(request, caller, hashed):
        hashed(known(shop, ada))
        return set_password(request, caller, hashed)

    monkeypatch.setattr(shop.users, "set_password", set_at_the_second_try)
    limits = passwords_from(HOME, of_both=2)
    change_password(shop, signed_in(shop, ada), limits)
    assert [guess(shop, limits), guess(shop, limits)] == [WRONG, LIMITED]


@pytest.mark.parametrize("confirm", [confirm_reset, confirm_registration])
def test_attempts_with_a_token_of_a_mail_are_limited_by_token_and_by_network(shop, confirm):
    def attempts(secret: str, **limits: int) -> list[str]:
        return [confirm(shop, secret, passwords_from(f"203.0.113.{number}", **limits)) for number in range(4)]

    assert attempts("one", of_account=2) == ["Invalid", "Invalid", LIMITED, LIMITED]
    assert confirm(shop, "another", passwords_from(ELSEWHERE, of_account=2)) == "Invalid"
    of_network = [confirm(shop, f"secret {number}", passwords_from(HOME, of_network=2)) for number in range(3)]
    assert of_network == ["Invalid", "Invalid", LIMITED]


def test_requests_for_a_new_password_count_as_registrations_of_their_network(shop):
    def ask(network=HOME):
        limit = a_limit("registration:", 2)
        reset_request(shop=shop, request=a_request(), email="eve@example.com", network=network, limit=limit)

    ask()
    registration_admit(shop=shop, limit=a_limit("registration:", 2), network=HOME, request=a_request())
    with pytest.raises(RateLimited):
        ask()
    ask(ELSEWHERE)


def test_registrations_from_a_network_are_limited_and_a_recorded_one_is_not_charged(shop):
    def admit(request, network=HOME):
        registration_admit(shop=shop, limit=a_limit("registration:", 2), network=network, request=request)

    recorded = a_request()
    shop.users.revoke_every_token(recorded, shop.clock.now())
    for request in (recorded, recorded, a_request(), a_request()):
        admit(request)
    with pytest.raises(RateLimited):
        admit(a_request())
    admit(a_request(), ELSEWHERE)
