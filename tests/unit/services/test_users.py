from dataclasses import replace
from datetime import timedelta

import pytest

from shop.domain.callers import Role
from shop.domain.errors import EmailTaken, Invalid, InvalidCredentials, LastStaff, NotFound, PreconditionFailed
from shop.services.reauthentication import unconfirmed
from shop.services.tokens import TOKEN_LIFETIME, token_caller, token_issue, token_revoke, token_revoke_all
from shop.services.users import (
    UserChange,
    user_delete,
    user_get,
    user_list,
    user_register,
    user_set_password,
    user_set_role,
    user_update,
)
from tests.samples import PASSWORD, a_request, again, registered, signed_in

EMAIL = "ada@example.com"


@pytest.fixture
def ada(shop):
    return registered(shop, email=EMAIL)


def register(shop, request=None, **changes):
    person = {"email": EMAIL, "password": PASSWORD, "first_name": "Ada", "last_name": "Byron"} | changes
    return user_register(shop=shop, request=request or a_request(), **person)


def update(shop, user, change, if_match, confirm=unconfirmed):
    return user_update(shop=shop, request=a_request(), id=user.id, change=change, if_match=if_match, confirm=confirm)


def issue(shop, request=None, password=PASSWORD, email=EMAIL):
    return token_issue(shop=shop, request=request or a_request(), email=email, password=password)


def set_password(shop, caller, current=PASSWORD, new="battery staple"):
    return user_set_password(shop=shop, request=a_request(), caller=caller, current=current, new=new)


def let_in(shop, token, request_id="another"):
    return token_caller(shop=shop, secret=token.secret, request_id=request_id)


def test_a_new_user_is_a_customer_in_version_one(shop):
    user = register(shop).value
    assert (user.email, user.first_name, user.last_name) == (EMAIL, "Ada", "Byron")
    assert (user.role, user.version) == (Role.CUSTOMER, 1)
    assert user.created_at == user.updated_at


def test_a_new_user_may_be_staff_where_the_operator_says_so(shop):
    assert register(shop, role=Role.STAFF).value.role is Role.STAFF


def test_a_new_user_is_found_by_id(shop):
    user = register(shop).value
    assert user_get(shop=shop, id=user.id) == user


def test_a_weak_password_is_not_registered(shop):
    with pytest.raises(Invalid) as raised:
        register(shop, password="short")
    assert raised.value.errors[0].pointer == "/password"
    assert user_list(shop=shop, search="", size=9, position=None).results == []


def test_a_password_must_not_be_the_email_or_a_name(shop):
    for known in ({"email": "ada@example.com"}, {"first_name": "ada@example.com"}, {"last_name": "ada@example.com"}):
        with pytest.raises(Invalid):
            register(shop, password="ada@example.com", **known)


def test_a_weak_password_is_no_recorded_outcome(shop):
    request = a_request()
    with pytest.raises(Invalid):
        register(shop, request, password="short")
    assert register(shop, request).origin_request_id == request.id


def test_a_repeated_registration_creates_one_user(shop):
    request = a_request()
    assert register(shop, request) == register(shop, again(request))


def test_an_email_registers_once_however_it_is_spelt(shop, ada):
    with pytest.raises(EmailTaken):
        register(shop, email="ADA@Example.com")


def test_users_are_listed_newest_first_by_the_beginning_of_their_email(shop, ada):
    adam = registered(shop, email="adam@example.com")
    registered(shop, email="eve@example.com")
    assert user_list(shop=shop, search="ADA", size=9, position=None).results == [adam, ada]


def test_a_change_leaves_other_fields_unchanged(shop, ada):
    after = user_update(
        shop=shop,
        request=a_request(),
        confirm=unconfirmed,
        id=ada.id,
        change=lambda user: UserChange(last_name="Lovelace"),
        if_match=None,
    ).value
    assert after == replace(ada, last_name="Lovelace", version=2, updated_at=after.updated_at)
    assert after.updated_at > ada.updated_at


def test_a_change_may_replace_every_field(shop, ada):
    everything = UserChange(email="countess@example.com", first_name="Augusta", last_name="King")
    after = user_update(
        shop=shop, request=a_request(), confirm=unconfirmed, id=ada.id, change=lambda user: everything, if_match=1
    ).value
    assert (after.email, after.first_name, after.last_name) == ("countess@example.com", "Augusta", "King")


def test_an_empty_text_is_a_change_too(shop, ada):
    nameless = UserChange(first_name="")
    result = update(shop, ada, change=lambda user: nameless, if_match=None)
    assert result.value.first_name == ""


def test_a_change_to_an_older_version_is_refused(shop, ada):
    with pytest.raises(PreconditionFailed) as raised:
        user_update(
            shop=shop, request=a_request(), confirm=unconfirmed, id=ada.id, change=lambda user: UserChange(), if_match=7
        )
    assert raised.value.version == 1


def test_an_erased_user_is_not_found(shop, ada):
    user_delete(shop=shop, request=a_request(), confirm=unconfirmed, id=ada.id, if_match=None)
    with pytest.raises(NotFound):
        user_get(shop=shop, id=ada.id)


def test_the_last_staff_user_cannot_be_removed(shop, ada):
    user_set_role(shop=shop, request=a_request(), confirm=unconfirmed, id=ada.id, role=Role.STAFF)
    with pytest.raises(LastStaff):
        user_set_role(shop=shop, request=a_request(), confirm=unconfirmed, id=ada.id, role=Role.CUSTOMER)


def test_a_token_authenticates_its_user(shop, ada):
    caller = let_in(shop, issue(shop))
    assert (caller.id, caller.role) == (ada.id, Role.CUSTOMER)


def test_a_token_is_issued_for_any_spelling_of_the_email(shop, ada):
    assert issue(shop, email="ADA@EXAMPLE.COM").user == ada


def test_a_token_is_stored_as_a_digest(shop, ada):
    token = issue(shop)
    assert let_in(shop, token).token == shop.secrets.digest(token.secret) != token.secret


def test_a_token_expires(shop, ada):
    token = issue(shop)
    shop.clock.advance(TOKEN_LIFETIME - timedelta(minutes=1))
    assert let_in(shop, token)
    shop.clock.advance(timedelta(minutes=1))
    assert let_in(shop, token) is None


def test_a_repeated_sign_in_gets_the_same_token(shop, ada):
    request = a_request()
    assert issue(shop, request) == issue(shop, request)


def test_two_sign_ins_get_two_tokens(shop, ada):
    assert issue(shop).secret != issue(shop).secret


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong horse"), ("eve@example.com", PASSWORD)])
def test_a_wrong_email_and_a_wrong_password_raise_the_same_error(shop, ada, email, password):
    with pytest.raises(InvalidCredentials) as raised:
        issue(shop, email=email, password=password)
    assert raised.value.args == ()


def test_an_unknown_token_has_no_caller(shop):
    assert token_caller(shop=shop, secret="guess", request_id="r") is None


def test_revoking_a_token_leaves_the_others_valid(shop, ada):
    here, there = issue(shop), issue(shop)
    token_revoke(shop=shop, request=a_request(), caller=let_in(shop, here))
    assert let_in(shop, here) is None
    assert let_in(shop, there)


def test_logout_all_revokes_every_token(shop, ada):
    here, there = issue(shop), issue(shop)
    token_revoke_all(shop=shop, request=a_request(), caller=let_in(shop, here))
    assert (let_in(shop, here), let_in(shop, there)) == (None, None)


def test_a_repeated_logout_gets_past_its_own_revocation(shop, ada):
    token, request = issue(shop), a_request()
    caller = let_in(shop, token)
    token_revoke(shop=shop, request=request, caller=caller)
    assert let_in(shop, token, request.id) == caller


def test_a_new_password_replaces_the_old_one(shop, ada):
    set_password(shop, signed_in(shop, ada))
    assert issue(shop, password="battery staple").user.id == ada.id
    with pytest.raises(InvalidCredentials):
        issue(shop, password=PASSWORD)


def test_a_new_password_revokes_every_other_token(shop, ada):
    here, there = issue(shop), issue(shop)
    set_password(shop, let_in(shop, here))
    assert let_in(shop, here)
    assert let_in(shop, there) is None


def test_a_new_password_requires_the_present_one(shop, ada):
    with pytest.raises(Invalid) as raised:
        set_password(shop, signed_in(shop, ada), current="guess")
    assert [(error.pointer, error.code) for error in raised.value.errors] == [("/current", "wrong-password")]


@pytest.mark.parametrize("new", ["short", EMAIL])
def test_a_weak_new_password_is_a_field_error_at_new(shop, ada, new):
    with pytest.raises(Invalid) as raised:
        set_password(shop, signed_in(shop, ada), new=new)
    assert [error.pointer for error in raised.value.errors] == ["/new"]


def test_a_refused_password_changes_nothing(shop, ada):
    with pytest.raises(Invalid):
        set_password(shop, signed_in(shop, ada), new="short")
    assert issue(shop, password=PASSWORD).user == ada


def test_a_sign_in_tries_again_where_another_one_replaced_the_hash_meanwhile(shop, ada, monkeypatch):
    issue_token, tries = shop.users.issue_token, []

    def issue_late(*args):
        tries.append(args)
        if len(tries) == 1:
            raise NotFound("user", ada.id)
        return issue_token(*args)

    monkeypatch.setattr(shop.users, "issue_token", issue_late)
    assert issue(shop).user == ada
    assert len(tries) == 2


def test_a_user_who_is_erased_during_the_sign_in_gets_no_token(shop, ada, monkeypatch):
    def issue_never(*args):
        raise NotFound("user", ada.id)

    monkeypatch.setattr(shop.users, "issue_token", issue_never)
    with pytest.raises(InvalidCredentials):
        issue(shop)
