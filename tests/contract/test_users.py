import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from exactly_once.errors import OutcomeErased
from shop.domain.callers import Caller, Role
from shop.domain.errors import EmailTaken, Invalid, LastStaff, NotFound, PreconditionFailed, Refusal
from shop.domain.purchases import PurchaseQuery, Status
from tests.contract.walks import forwards, there_and_back
from tests.samples import a_request, a_user, again, as_staff, in_catalogue, placed, registered, signed_in, units

NOBODY = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def ada(shop):
    return registered(shop, email="Ada@Example.com")


def renamed(user):
    return replace(user, first_name="Augusta", version=user.version + 1)


def readdressed(email):
    return lambda user: replace(user, email=email, version=user.version + 1)


def set_role(shop, user, role):
    return shop.users.set_role(a_request(), user.id, role, shop.clock.now()).value


def listed(shop, search=""):
    return [user.email for user in shop.users.page(search, 100, None).results]


def test_a_registered_user_is_read_as_they_were_written(shop):
    user = a_user(shop, email="zoë+shop@exämple.com", first_name="Zoë 🦊", last_name="O'Brien-Þórsdóttir")
    assert shop.users.register(a_request(), user, "kept").value == user
    assert shop.users.get(user.id) == user


def test_an_unknown_user_is_not_found(shop):
    with pytest.raises(NotFound):
        shop.users.get(NOBODY)


@pytest.mark.parametrize("spelling", ["Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM", "Ａda@example.com"])
def test_credentials_are_found_by_any_spelling_of_the_address(shop, ada, spelling):
    credentials = shop.users.credentials(spelling)
    assert (credentials.user, credentials.password_hash) == (ada, "hash of correct horse")


def test_nobody_has_credentials_under_an_unknown_address(shop, ada):
    assert shop.users.credentials("eve@example.com") is None


@pytest.mark.parametrize("spelling", ["ada@example.com", "ＡＤＡ@EXAMPLE.COM"])
def test_an_address_is_taken_however_it_is_spelt(shop, ada, spelling):
    with pytest.raises(EmailTaken):
        registered(shop, email=spelling)
    assert listed(shop) == ["Ada@Example.com"]


def test_composed_and_decomposed_letters_are_one_address(shop):
    registered(shop, email="zoë@example.com")
    with pytest.raises(EmailTaken):
        registered(shop, email=unicodedata.normalize("NFD", "zoë@example.com"))


def test_an_accent_makes_another_address(shop, ada):
    registered(shop, email="adá@example.com")
    assert len(listed(shop)) == 2


def test_of_many_who_register_one_address_at_once_one_succeeds(shop):
    users = [a_user(shop, email=email) for email in ("eve@x.com", "EVE@x.com", "Eve@X.com", "eve@X.COM") * 3]
    with ThreadPoolExecutor(len(users)) as threads:
        outcomes = list(threads.map(lambda user: outcome_of(shop.users.register, a_request(), user, ""), users))
    assert sorted(map(str, outcomes)) == ["EmailTaken"] * (len(users) - 1) + ["WriteResult"]
    assert len(listed(shop)) == 1


def outcome_of(write, *args):
    try:
        return type(write(*args)).__name__
    except Refusal as refusal:
        return type(refusal).__name__


def test_a_change_is_made_of_the_present_user_and_kept(shop, ada):
    changed = shop.users.update(a_request(), ada.id, renamed, None).value
    assert changed == renamed(ada) == shop.users.get(ada.id)


def test_a_change_leaves_the_password_alone(shop, ada):
    shop.users.update(a_request(), ada.id, readdressed("countess@example.com"), None)
    assert shop.users.credentials("countess@example.com").password_hash == "hash of correct horse"


def test_a_new_address_frees_the_old_one(shop, ada):
    shop.users.update(a_request(), ada.id, readdressed("countess@example.com"), None)
    assert shop.users.credentials("ada@example.com") is None
    assert registered(shop, email="ada@example.com").id != ada.id


def test_ones_own_address_may_be_spelt_anew(shop, ada):
    changed = shop.users.update(a_request(), ada.id, readdressed("ada@example.com"), None).value
    assert changed.email == "ada@example.com"
    assert listed(shop, "ADA") == ["ada@example.com"]


def test_somebody_elses_address_cannot_be_had(shop, ada):
    eve = registered(shop, email="eve@example.com")
    with pytest.raises(EmailTaken):
        shop.users.update(a_request(), eve.id, readdressed("ada@example.com"), None)
    assert shop.users.get(eve.id) == eve
    assert shop.users.credentials("ada@example.com").user == ada


def test_a_change_to_the_version_that_was_seen_is_made(shop, ada):
    assert shop.users.update(a_request(), ada.id, renamed, 1).value.version == 2


def test_a_change_to_another_version_is_refused_with_the_present_one(shop, ada):
    shop.users.update(a_request(), ada.id, renamed, None)
    with pytest.raises(PreconditionFailed) as refused:
        shop.users.update(a_request(), ada.id, renamed, 1)
    assert refused.value.version == 2


def test_what_a_change_raises_comes_through_and_nothing_is_changed(shop, ada):
    def change(user):
        raise Invalid

    with pytest.raises(Invalid):
        shop.users.update(a_request(), ada.id, change, None)
    assert shop.users.get(ada.id) == ada


def test_of_many_changes_at_once_none_is_lost(shop, ada):
    def change(number):
        return shop.users.update(
            a_request(), ada.id, lambda u: replace(u, last_name=f"{u.last_name}-{number}", version=u.version + 1), None
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(change, range(8)))
    changed = shop.users.get(ada.id)
    assert sorted(changed.last_name.split("-")[1:]) == [str(number) for number in range(8)]
    assert changed.version == 9


def test_nobody_cannot_be_changed_deleted_or_promoted(shop):
    for write in (
        lambda: shop.users.update(a_request(), NOBODY, renamed, None),
        lambda: shop.users.delete(a_request(), NOBODY, None),
        lambda: shop.users.set_role(a_request(), NOBODY, Role.STAFF, shop.clock.now()),
    ):
        with pytest.raises(NotFound):
            write()


def test_a_deleted_user_is_found_nowhere(shop, ada):
    shop.users.delete(a_request(), ada.id, None)
    with pytest.raises(NotFound):
        shop.users.get(ada.id)
    assert shop.users.credentials(ada.email) is None
    assert listed(shop) == listed(shop, "ada") == []


def test_a_deleted_users_address_is_free(shop, ada):
    shop.users.delete(a_request(), ada.id, None)
    assert registered(shop, email=ada.email).id != ada.id


def test_another_version_than_the_one_that_was_seen_is_not_deleted(shop, ada):
    with pytest.raises(PreconditionFailed) as refused:
        shop.users.delete(a_request(), ada.id, 7)
    assert refused.value.version == 1
    assert shop.users.get(ada.id) == ada


def test_the_version_that_was_seen_is_deleted(shop, ada):
    shop.users.delete(a_request(), ada.id, 1)
    assert listed(shop) == []


def test_an_erased_users_purchases_stay_and_are_nobodys(shop, ada):
    apple = in_catalogue(shop)
    purchase = placed(shop, ada.id, units(apple, 2))
    shop.users.delete(a_request(), ada.id, None)
    kept = shop.purchases.get(purchase.id, None)
    assert (kept.user, [event.by for event in kept.history]) == (None, [None])
    assert replace(kept, user=purchase.user, history=purchase.history) == purchase
    with pytest.raises(NotFound):
        shop.purchases.get(purchase.id, ada.id)


def test_an_erased_users_purchases_are_listed_with_everybodys_and_no_more_as_theirs(shop, ada):
    purchase = placed(shop, ada.id, units(in_catalogue(shop), 2))
    shop.users.delete(a_request(), ada.id, None)
    everybodys = (PurchaseQuery(), PurchaseQuery(status=Status.PLACED))
    theirs = (PurchaseQuery(user=ada.id), PurchaseQuery(user=ada.id, status=Status.PLACED))
    assert [[p.id for p in shop.purchases.page(q, 9, None).results] for q in everybodys] == [[purchase.id]] * 2
    assert [shop.purchases.page(q, 9, None).results for q in theirs] == [[], []]


def test_an_erased_users_purchase_still_moves(shop, ada):
    apple = in_catalogue(shop, stock=5)
    purchase = placed(shop, ada.id, units(apple, 2))
    staff = as_staff(shop)
    shop.users.delete(a_request(), ada.id, None)
    now = shop.clock.now()
    moved = shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=now).value
    assert [event.by for event in moved.history] == [None, staff.id]
    assert [p.id for p in shop.purchases.page(PurchaseQuery(status=Status.CANCELLED), 9, None).results] == [purchase.id]
    assert shop.products.get(apple.id).stock == 5


def test_what_an_erased_member_of_staff_did_is_still_told_from_what_others_did(shop, ada):
    as_staff(shop)
    leaving = as_staff(shop)
    purchase = placed(shop, ada.id, units(in_catalogue(shop), 2))
    shop.purchases.move(a_request(), purchase.id, Status.PAID, by=leaving, restock=False, at=shop.clock.now())
    shop.users.delete(a_request(), leaving.id, None)
    kept = shop.purchases.get(purchase.id, ada.id)
    assert (kept.user, [event.by for event in kept.history]) == (ada.id, [ada.id, leaving.id])


def test_what_a_request_said_of_a_user_is_erased_with_them(shop):
    request, user = a_request(), a_user(shop)
    shop.users.register(request, user, "kept")
    shop.users.delete(a_request(), user.id, None)
    with pytest.raises(OutcomeErased):
        shop.users.register(request, user, "kept")


def test_recorded_outcomes_of_purchases_are_erased_with_their_buyer(shop, ada):
    product, placing, cancelling = in_catalogue(shop, stock=5), a_request(), a_request()
    now, staff = shop.clock.now(), as_staff(shop)
    id = shop.ids.new(now)
    shop.purchases.place(placing, id, ada.id, [units(product, 1)], now)
    shop.purchases.move(cancelling, id, Status.CANCELLED, by=staff, restock=True, at=now)
    shop.users.delete(a_request(), ada.id, None)
    with pytest.raises(OutcomeErased):
        shop.purchases.place(again(placing), id, ada.id, [units(product, 1)], now)
    with pytest.raises(OutcomeErased):
        shop.purchases.move(again(cancelling), id, Status.CANCELLED, by=staff, restock=True, at=now)


def test_a_role_is_a_new_version(shop, ada):
    promoted = set_role(shop, ada, Role.STAFF)
    assert (promoted.role, promoted.version) == (Role.STAFF, 2)
    assert promoted == shop.users.get(ada.id)
    assert promoted.updated_at > ada.updated_at


def test_the_role_that_somebody_has_changes_nothing(shop, ada):
    assert set_role(shop, ada, Role.CUSTOMER) == ada


def test_the_last_of_the_staff_stays_and_stays_staff(shop):
    staff = registered(shop, role=Role.STAFF)
    with pytest.raises(LastStaff):
        set_role(shop, staff, Role.CUSTOMER)
    with pytest.raises(LastStaff):
        shop.users.delete(a_request(), staff.id, None)
    assert shop.users.get(staff.id) == staff


def test_staff_may_leave_while_somebody_is_left(shop):
    first, second, third = (registered(shop, role=Role.STAFF) for _ in range(3))
    set_role(shop, first, Role.CUSTOMER)
    shop.users.delete(a_request(), second.id, None)
    with pytest.raises(LastStaff):
        shop.users.delete(a_request(), third.id, None)


def test_of_staff_who_all_leave_at_once_one_stays(shop):
    staff = [registered(shop, role=Role.STAFF) for _ in range(6)]
    leave = [lambda user=user: shop.users.delete(a_request(), user.id, None) for user in staff[:3]]
    leave += [lambda user=user: set_role(shop, user, Role.CUSTOMER) for user in staff[3:]]
    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(outcome_of, leave))
    assert outcomes.count("LastStaff") == 1


def test_a_new_password_is_made_of_the_present_credentials_and_is_no_new_version(shop, ada):
    seen = []
    caller = signed_in(shop, ada)
    shop.users.set_password(a_request(), caller, lambda present: seen.append(present) or "new")
    assert [(credentials.user, credentials.password_hash) for credentials in seen] == [(ada, "hash of correct horse")]
    assert (shop.users.credentials(ada.email).password_hash, shop.users.get(ada.id)) == ("new", ada)


def test_a_password_that_is_refused_is_not_kept(shop, ada):
    def hashed(credentials):
        raise Invalid

    with pytest.raises(Invalid):
        shop.users.set_password(a_request(), signed_in(shop, ada), hashed)
    assert shop.users.credentials(ada.email).password_hash == "hash of correct horse"


def test_nobody_has_no_password(shop):
    nobody = Caller(id=NOBODY, role=Role.CUSTOMER, token="t")
    with pytest.raises(NotFound):
        shop.users.set_password(a_request(), nobody, lambda credentials: "new")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_users_are_paged_newest_first_in_both_directions(shop, size):
    users = [registered(shop) for _ in range(7)]
    assert there_and_back(lambda position: shop.users.page("", size, position), size) == users[::-1]


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("search", ["ad", "AD", "Ａd", "zo", "zoë", "ada@example.com", "x", ""])
def test_users_are_searched_by_the_beginning_of_their_address(shop, search, size):
    for name in ("ada", "Adam", "eve", "ADELE", "zoë", "zoe", "bad"):
        registered(shop, email=f"{name}@example.com")
    keys = {"Ａd": "ad"}.get(search, search.lower())
    expected = [email for email in listed(shop) if email.lower().startswith(keys)]
    found = there_and_back(lambda position: shop.users.page(search, size, position), size)
    assert [user.email for user in found] == expected


def test_a_page_of_users_stays_while_others_come_and_go(shop):
    users = [registered(shop) for _ in range(6)]
    first = shop.users.page("", 2, None)
    registered(shop)
    shop.users.delete(a_request(), users[4].id, None)
    shop.users.delete(a_request(), users[3].id, None)
    later = forwards(lambda position: shop.users.page("", 2, position or first.next))
    assert [user for page in later for user in page.results] == [users[2], users[1], users[0]]


def test_whom_nobody_is_like_is_on_no_page(shop, ada):
    page = shop.users.page("nobody", 5, None)
    assert (page.results, page.next, page.previous) == ([], None, None)
