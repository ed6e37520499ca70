"""The audit: every recorded write has one entry, and nothing else has any."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exactly_once.errors import Refusal
from exactly_once.rate_limits import RateLimit
from shop.domain.audit import AuditJournal, AuditKeys, AuditQuery
from shop.domain.callers import Role
from shop.domain.errors import Invalid
from shop.domain.purchases import Status
from shop.repositories.audit import MAX_FAILURES, MAX_FAILURES_OF_NETWORK
from shop.services.audit import SIGN_IN_FAILURE
from shop.services.reauthentication import password_check
from tests.contract.test_exactly_once import REFUSALS, WRITES
from tests.samples import a_request, again, as_staff, in_catalogue, placed, registered, signed_in, units

KEYS = AuditKeys(b"a secret of the tests")
EVERY = AuditQuery()


def journaled(request=None, **changes):
    """A request whose write is recorded."""
    request = request or a_request()
    journal = AuditJournal(
        keys=KEYS,
        at=datetime.now(UTC).replace(microsecond=0),
        operation="an_operation",
        actor="eve",
        role="staff",
        network="192.0.2.0/24",
        request_id=request.id,
    )
    return replace(request, journal=replace(journal, **changes))


def entries(shop, query=EVERY):
    return shop.audit.page(query, 100, None).results


def change_of(entry):
    return {change.field: (change.before, change.after) for change in entry.changes}


@pytest.mark.parametrize("scene", WRITES.values(), ids=WRITES)
def test_a_recorded_write_has_one_entry_however_often_it_is_repeated_and_the_writes_around_it_none(shop, scene):
    write, request = scene(shop), journaled()
    write(request)
    write(again(request))
    (entry,) = entries(shop)
    assert (entry.sequence, entry.actor, entry.request_id) == (1, "eve", request.id)
    assert entry.object.partition(":")[0] in {"user", "api_key", "product", "purchase"}


def test_the_entries_of_a_user_are_those_of_the_user_and_those_about_the_user(shop):
    ada, eve = registered(shop, email="ada@example.com"), registered(shop, email="eve@example.com")
    product = in_catalogue(shop, stock=10)
    shop.products.adjust_stock(journaled(actor=ada.id), product.id, 1, None)
    shop.products.adjust_stock(journaled(actor=eve.id), product.id, 1, None)
    shop.users.update(journaled(actor=eve.id), ada.id, lambda user: replace(user, first_name="Augusta"), None)
    found = [(entry.actor, entry.object) for entry in entries(shop, AuditQuery(user=ada.id))]
    assert found == [(eve.id, f"user:{ada.id}"), (ada.id, f"product:{product.id}")]


@pytest.mark.parametrize("scene", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_write_has_no_entry(shop, scene):
    refused = scene(shop)
    with pytest.raises(Refusal):
        refused(journaled())
    assert entries(shop) == []


def test_an_edit_of_a_product_is_recorded_with_the_values_before_and_after(shop):
    product = in_catalogue(shop, name="Apple")
    shop.products.update(
        journaled(), product.id, lambda p: p.with_changes(at=p.updated_at, name="Pear", description="x" * 5000), None
    )
    (entry,) = entries(shop)
    assert entry.object == f"product:{product.id}"
    assert change_of(entry)["name"] == ("Apple", "Pear")
    assert change_of(entry)["description"][1].startswith("sha256:")


def test_what_only_the_script_knows_is_recorded_too(shop):
    staff, product = as_staff(shop), in_catalogue(shop, stock=10)
    user = registered(shop)
    purchase = placed(shop, user.id, units(product, 2))
    shop.products.adjust_stock(journaled(), product.id, 5, None)
    shop.purchases.move(journaled(), purchase.id, Status.PAID, by=staff, restock=False, at=shop.clock.now())
    shop.users.set_role(journaled(), user.id, Role.STAFF, shop.clock.now())
    role, status, stock = (change_of(entry) for entry in entries(shop))
    assert (role, status, stock) == (
        {"role": ("customer", "staff")},
        {"status": ("placed", "paid")},
        {"stock": ("8", "13")},
    )


def test_of_people_no_value_is_recorded_but_for_the_keyed_hash_of_an_address(shop):
    user = registered(shop, email="ada@example.com", first_name="Ada")
    shop.users.update(
        journaled(), user.id, lambda u: replace(u, email="eve@example.com", first_name="Eve", version=2), None
    )
    (entry,) = entries(shop)
    assert change_of(entry) == {
        "email": (KEYS.email_hash("ADA@example.com"), KEYS.email_hash("eve@example.com")),
        "first_name": (None, None),
    }


def test_the_entries_are_listed_newest_first_in_pages(shop):
    product = in_catalogue(shop, stock=100)
    for _ in range(5):
        shop.products.adjust_stock(journaled(), product.id, 1, None)
    first = shop.audit.page(EVERY, 2, None)
    second = shop.audit.page(EVERY, 2, first.next)
    last = shop.audit.page(EVERY, 2, second.next)
    assert [[entry.sequence for entry in page.results] for page in (first, second, last)] == [[5, 4], [3, 2], [1]]
    assert (first.previous, last.next) == (None, None)
    assert shop.audit.page(EVERY, 2, last.previous).results == second.results


def test_the_entries_are_filtered(shop):
    one, other = in_catalogue(shop), in_catalogue(shop)
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    shop.products.adjust_stock(journaled(actor="ada", at=long_ago), one.id, 1, None)
    shop.products.adjust_stock(journaled(operation="another"), other.id, 1, None)
    found = {
        "actor": entries(shop, AuditQuery(actor="ada")),
        "operation": entries(shop, AuditQuery(operation="another")),
        "object": entries(shop, AuditQuery(object=f"product:{other.id}")),
        "since": entries(shop, AuditQuery(since=long_ago + timedelta(minutes=1))),
        "until": entries(shop, AuditQuery(until=long_ago + timedelta(minutes=1))),
        "none": entries(shop, AuditQuery(actor="ada", operation="another")),
    }
    assert {name: [entry.sequence for entry in page] for name, page in found.items()} == {
        "actor": [1],
        "operation": [2],
        "object": [2],
        "since": [2],
        "until": [1],
        "none": [],
    }


def test_the_failures_of_a_network_are_recorded_up_to_a_limit(shop):
    recorded = [
        shop.audit.record_failure(journaled(object="user:ada"), "192.0.2.0/24").value
        for _ in range(MAX_FAILURES_OF_NETWORK + 2)
    ]
    assert recorded.count(True) in (MAX_FAILURES_OF_NETWORK, MAX_FAILURES_OF_NETWORK + 2)
    assert shop.audit.record_failure(journaled(object="user:ada"), "198.51.100.0/24").value
    assert {entry.object for entry in entries(shop)} == {"user:ada"}


def test_a_wrong_password_beside_a_token_is_recorded_and_charged_to_no_limit_of_writes(shop):
    user, limit = registered(shop), RateLimit(key="writes:eve", interval_us=60_000_000, burst=1)
    caller = signed_in(shop, user)
    for _ in range(3):
        request = replace(journaled(), rate_limit=limit)
        with pytest.raises(Invalid):
            password_check(shop=shop, request=request, caller=caller, password="wrong horse")()
    assert {entry.operation for entry in entries(shop)} == {SIGN_IN_FAILURE}
    assert len(entries(shop)) == 3


def test_the_failures_of_all_networks_are_recorded_up_to_a_limit(shop):
    recorded = [
        shop.audit.record_failure(journaled(), f"192.0.{number}.0/24").value for number in range(2 * MAX_FAILURES + 1)
    ]
    # The minute of the store may end meanwhile.
    assert recorded.count(True) <= 2 * MAX_FAILURES
