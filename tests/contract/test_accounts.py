"""What a mail confirms: new passwords and registrations."""

import hashlib
import re
from dataclasses import replace

import pytest

from shop.domain.accounts import (
    MAX_MAILS_PER_ADDRESS,
    MAX_MAILS_PER_ADDRESS_AND_NETWORK,
    MAX_MAILS_PER_NETWORK,
    MAX_REGISTRATIONS_PER_ADDRESS,
    REGISTRATION_LIFETIME,
    RESET_LIFETIME,
    MailPurpose,
)
from shop.domain.errors import EmailTaken, Invalid
from shop.services.accounts import mail_quota, registration_begin, registration_confirm, reset_confirm, reset_request
from shop.services.reauthentication import unconfirmed
from shop.services.users import user_delete, user_set_password
from tests.samples import PASSWORD, a_request, again, registered, signed_in

NEW = "Tr0ubador & three"
MALLORY = "password of Mallory"


@pytest.fixture(autouse=True)
def mailing(shop):
    shop.mailer.is_on = True


@pytest.fixture
def ada(shop):
    return registered(shop, email="ada@example.com")


def ask(shop, email="ada@example.com", network="192.0.2.1", request=None):
    reset_request(shop=shop, request=request or a_request(), email=email, network=network)


def token(shop, place=-1):
    """The token in a mail."""
    return re.search(r"#(\S+)", shop.mailer.sent[place].text)[1]


def confirm(shop, secret, request=None, new=NEW):
    return reset_confirm(shop=shop, request=request or a_request(), token=secret, new_password=new)


def register(shop, email="eve@example.com", password=PASSWORD, request=None, network="192.0.2.1"):
    return registration_begin(
        shop=shop,
        request=request or a_request(),
        network=network,
        email=email,
        password=password,
        first_name="Eve",
        last_name="Adams",
    )


def activate(shop, secret, password=PASSWORD, request=None):
    return registration_confirm(shop=shop, request=request or a_request(), token=secret, password=password)


def knows(shop, email, password):
    credentials = shop.users.credentials(email)
    return credentials is not None and shop.passwords.matches(password, credentials.password_hash)


def refused(act, *args, **kwargs):
    """Pointers and codes of what is wrong."""
    with pytest.raises(Invalid) as raised:
        act(*args, **kwargs)
    return [(error.pointer, error.code) for error in raised.value.errors]


INVALID_TOKEN = [("/token", "invalid-token")]


def test_a_token_from_a_mail_sets_a_password_and_revokes_every_token(shop, ada):
    caller = signed_in(shop, ada)
    ask(shop, email="ADA@example.com")
    assert [mail.to for mail in shop.mailer.sent] == ["ada@example.com"]
    confirm(shop, token(shop))
    assert (knows(shop, ada.email, NEW), knows(shop, ada.email, PASSWORD)) == (True, False)
    assert shop.users.caller(caller.token, "another request") is None


def test_an_unknown_address_gets_no_mail(shop, ada):
    ask(shop, email="nobody@example.com")
    assert shop.mailer.sent == []


def test_a_token_works_once_and_a_repeat_of_its_request_is_answered_alike(shop, ada):
    ask(shop)
    request = a_request()
    first = confirm(shop, token(shop), request)
    assert confirm(shop, token(shop), again(request)) == first
    assert refused(confirm, shop, token(shop)) == INVALID_TOKEN


def test_a_used_token_ends_every_other_one(shop, ada):
    ask(shop)
    ask(shop)
    confirm(shop, token(shop, 0))
    assert refused(confirm, shop, token(shop, 1)) == INVALID_TOKEN


def test_pending_resets_are_listed_until_they_expire_or_are_used(shop, ada):
    ask(shop)
    shop.clock.advance(RESET_LIFETIME / 2)
    ask(shop)
    both = shop.accounts.pending_resets(ada.id, shop.clock.now())
    shop.clock.advance(RESET_LIFETIME / 2)
    assert len(both) == 2
    assert both[1] - both[0] >= RESET_LIFETIME / 2
    assert shop.accounts.pending_resets(ada.id, shop.clock.now()) == both[1:]
    confirm(shop, token(shop))
    assert shop.accounts.pending_resets(ada.id, shop.clock.now()) == []


def test_a_token_ends_after_half_an_hour(shop, ada):
    ask(shop)
    shop.clock.advance(RESET_LIFETIME)
    assert refused(confirm, shop, token(shop)) == INVALID_TOKEN


def test_a_token_ends_with_the_password_that_it_replaces(shop, ada):
    ask(shop)
    user_set_password(
        shop=shop, request=a_request(), caller=signed_in(shop, ada), current=PASSWORD, new="a third password"
    )
    assert refused(confirm, shop, token(shop)) == INVALID_TOKEN


def test_a_token_ends_with_the_address_to_which_it_was_mailed(shop, ada):
    ask(shop)
    shop.users.update(a_request(), ada.id, lambda user: replace(user, email="ada@example.org"), None)
    assert refused(confirm, shop, token(shop)) == INVALID_TOKEN


def test_a_token_survives_another_name(shop, ada):
    ask(shop)
    shop.users.update(a_request(), ada.id, lambda user: replace(user, first_name="Augusta"), None)
    confirm(shop, token(shop))
    assert knows(shop, ada.email, NEW)


def test_a_token_of_another_user_or_none_at_all_sets_no_password(shop, ada):
    eve = registered(shop, email="eve@example.com")
    ask(shop, email=eve.email)
    secret = token(shop).partition(".")[2]
    for attempt in (f"{ada.id}.{secret}", f"{eve.id}.wrong", f"{eve.id}.", secret, "", f"{eve.id}:resets.{secret}"):
        assert refused(confirm, shop, attempt) == INVALID_TOKEN
    assert knows(shop, ada.email, PASSWORD)


def test_a_weak_password_leaves_the_token_as_it_is(shop, ada):
    ask(shop)
    assert refused(confirm, shop, token(shop), new="short") == [("/new_password", "password-too-short")]
    confirm(shop, token(shop))


def test_a_token_ends_with_its_user(shop, ada):
    ask(shop)
    user_delete(shop=shop, request=a_request(), id=ada.id, if_match=None, confirm=unconfirmed)
    assert refused(confirm, shop, token(shop)) == INVALID_TOKEN


def test_a_repeat_of_a_request_by_nginx_mails_the_same_token(shop, ada):
    request = a_request()
    ask(shop, request=request)
    ask(shop, request=request)
    assert token(shop, 0) == token(shop, 1)


def test_an_address_gets_a_bounded_number_of_mails_an_hour_from_all_networks(shop, ada):
    for number in range(MAX_MAILS_PER_ADDRESS + 3):
        ask(shop, network=f"192.0.2.{number}")
    assert len(shop.mailer.sent) == MAX_MAILS_PER_ADDRESS


def test_one_network_does_not_use_up_the_mails_that_another_may_ask_for(shop, ada):
    for _ in range(MAX_MAILS_PER_NETWORK + 1):
        ask(shop, network="198.51.100.7")
    assert len(shop.mailer.sent) == MAX_MAILS_PER_ADDRESS_AND_NETWORK
    ask(shop, network="192.0.2.1")
    assert len(shop.mailer.sent) == MAX_MAILS_PER_ADDRESS_AND_NETWORK + 1


def test_registrations_of_an_address_do_not_keep_its_owner_from_a_new_password(shop, ada):
    for number in range(MAX_MAILS_PER_ADDRESS + 1):
        register(shop, email=ada.email, network=f"192.0.2.{number}")
    shop.mailer.sent.clear()
    ask(shop, network="192.0.2.1")
    confirm(shop, token(shop))
    assert knows(shop, ada.email, NEW)


def test_no_address_and_no_network_is_in_what_mails_are_counted_under(shop):
    quotas = [
        mail_quota(shop, purpose, email, network)
        for purpose in MailPurpose
        for email in ("ada@example.com", "eve@example.com")
        for network in ("192.0.2.1", "198.51.100.7")
    ]
    plain = {hashlib.sha1(text.encode()).hexdigest() for text in ("ada@example.com", "192.0.2.1")}
    digests = {digest for quota in quotas for digest in quota.limits()}
    assert len(digests) == 8 + 4 + 4
    assert all(re.fullmatch(r"[0-9a-f]{20}", digest) for digest in digests)
    assert not {text[:20] for text in plain} & digests


def test_a_network_asks_for_a_bounded_number_of_mails_an_hour(shop):
    for number in range(MAX_MAILS_PER_NETWORK + 3):
        register(shop, email=f"eve-{number}@example.com")
    assert len(shop.mailer.sent) == MAX_MAILS_PER_NETWORK
    register(shop, email="another@example.com", network="198.51.100.7")
    assert len(shop.mailer.sent) == MAX_MAILS_PER_NETWORK + 1


def test_a_registration_is_a_user_once_its_mail_is_confirmed(shop):
    register(shop)
    assert shop.users.credentials("eve@example.com") is None
    user = activate(shop, token(shop)).value
    assert (user.email, user.first_name, user.last_name, user.role) == ("eve@example.com", "Eve", "Adams", "customer")
    assert knows(shop, "eve@example.com", PASSWORD)


def test_a_taken_address_is_answered_as_a_free_one_and_its_mail_says_so(shop, ada):
    taken, free = register(shop, email="Ada@Example.com").value, register(shop).value
    assert taken == free
    assert [mail.subject for mail in shop.mailer.sent] == ["You already have an account", "Confirm your registration"]
    assert "#" not in shop.mailer.sent[0].text


def test_a_registration_is_confirmed_once_and_a_repeat_is_answered_alike(shop):
    register(shop)
    request = a_request()
    first = activate(shop, token(shop), request=request)
    assert activate(shop, token(shop), request=again(request)) == first
    assert refused(activate, shop, token(shop)) == INVALID_TOKEN


def test_the_mail_alone_confirms_no_registration_of_another_person(shop):
    register(shop, password=MALLORY)
    register(shop)
    assert refused(activate, shop, token(shop, 0)) == [("/password", "wrong-password")]
    activate(shop, token(shop, 1))
    assert refused(activate, shop, token(shop, 0), MALLORY) == INVALID_TOKEN


def test_a_registration_ends_after_a_day(shop):
    register(shop)
    shop.clock.advance(REGISTRATION_LIFETIME)
    assert refused(activate, shop, token(shop)) == INVALID_TOKEN


def test_an_address_that_was_taken_in_the_meantime_is_not_registered_again(shop):
    register(shop)
    registered(shop, email="eve@example.com")
    with pytest.raises(EmailTaken):
        activate(shop, token(shop))


def test_an_address_has_a_bounded_number_of_registrations(shop):
    for number in range(MAX_REGISTRATIONS_PER_ADDRESS):
        register(shop, network=f"192.0.2.{number}")
    assert refused(activate, shop, token(shop, 0), MALLORY) == [("/password", "wrong-password")]


def test_erasing_a_user_erases_the_registrations_of_the_address(shop, ada):
    shop.mailer.sent.clear()
    register(shop)
    first = token(shop)
    user = registered(shop, email="eve@example.com")
    user_delete(shop=shop, request=a_request(), id=user.id, if_match=None, confirm=unconfirmed)
    assert refused(activate, shop, first) == INVALID_TOKEN


def test_a_token_for_a_password_confirms_no_registration_and_the_other_way_round(shop, ada):
    ask(shop)
    register(shop)
    assert refused(activate, shop, token(shop, 0)) == INVALID_TOKEN
    assert refused(confirm, shop, token(shop, 1)) == INVALID_TOKEN
