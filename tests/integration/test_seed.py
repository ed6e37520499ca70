import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from shop.domain.pages import Page
from shop.domain.products import ProductQuery
from shop.domain.purchases import PurchaseQuery, Status
from shop.repositories.keys import Keys
from shop.seeding import madeup
from shop.seeding.load import Loader
from shop.seeding.madeup import Numbers
from tests.integration.auditing import PLAN, a_shop, found, on_primary, seeded
from tests.stack_fixtures import primary_of, wait_until

ROOT = Path(__file__).resolve().parents[2]
FEW = ("--users", "3", "--products", "40", "--purchases", "60")


@pytest.fixture
def container(redis_stack):
    with a_shop(redis_stack) as made:
        yield made


def everything(container) -> list[Page]:
    """The newest hundred of everything, without the instants and versions that no seed decides."""
    shop = container.shop
    return [
        shop.users.page("", 100, None),
        shop.products.page(ProductQuery(), 100, None),
        shop.purchases.page(PurchaseQuery(), 100, None),
    ]


def test_what_is_seeded_is_what_was_planned(container):
    seeded(container)
    users, products, purchases = (page.results for page in everything(container))
    assert sorted(users, key=str) == sorted((PLAN.users.make(i) for i in range(4)), key=str)
    assert {product["id"] for product in products} == set(PLAN.products.ids)
    assert {purchase.id for purchase in purchases} == set(PLAN.purchases.ids)
    assert found(container) == []


def test_seeding_again_changes_nothing_and_writes_nothing(container):
    seeded(container)
    before, revision = everything(container), on_primary(container, ("GET", container.keys.revision))
    assert [(tally.present, tally.made) for tally in seeded(container)] == [(4, 0), (12, 0), (20, 0)]
    assert (everything(container), on_primary(container, ("GET", container.keys.revision))) == (before, revision)


def test_the_same_once_more_while_its_outcomes_are_remembered_and_once_they_are_forgotten(container):
    class Blind:
        def missing(self, kind, ids):
            return frozenset(ids) if kind == "purchases" else container.existence.missing(kind, ids)

    seeded(container)
    before = everything(container)
    for forgotten in (False, True):
        if forgotten:
            records = (container.keys.request(f"seed:{id}") for id in PLAN.purchases.ids)
            on_primary(container, *(("DEL", record) for record in records))
        blind = Loader(
            shop=container.shop, existence=Blind(), password_hash="a hash", watch=lambda tally: None, timeout_s=30
        )
        assert [tally.refused.total() for tally in blind.load(PLAN)] == [0, 0, 0]
        assert everything(container) == before


def fail_over(stack, container) -> None:
    """Make another node the primary."""
    before = stack.primary
    sentinel = next(iter(stack.layout.sentinels.values()))
    name = stack.layout.settings.primary_name
    container.cluster.nodes[sentinel].run(("SENTINEL", "FAILOVER", name), timeout=2)
    wait_until(lambda: stack.primary not in (None, before))


def test_a_failover_in_the_middle_loses_and_doubles_nothing(redis_stack, container):
    plan = madeup.plan(Numbers(users=5, products=300, purchases=3000, seed=11))
    moved = threading.Event()

    def move_once(tally) -> None:
        if tally.kind == "purchases" and tally.done >= 300 and not moved.is_set():
            moved.set()
            fail_over(redis_stack, container)

    loader = Loader(
        shop=container.shop, existence=container.existence, password_hash="a hash", watch=move_once, timeout_s=60
    )
    try:
        *_, purchases = loader.load(plan)
    finally:
        redis_stack.wait_until_whole()
    assert moved.is_set()
    assert (purchases.made + purchases.present, purchases.refused.total()) == (3000, 0)
    assert found(container) == []
    assert on_primary(container, ("ZCARD", container.keys.purchases)) == [3000]


TRADE = madeup.plan(Numbers(users=6, products=60, purchases=10, seed=5, vouchers=20, carts=20, payments=40))


def test_carts_vouchers_and_payments_are_made_once_and_every_unit_is_accounted_for(container):
    made = [(tally.kind, tally.made) for tally in seeded(container, TRADE)]
    assert made[2:] == [
        ("addresses", 6),
        ("shipping methods", 3),
        ("vouchers", 20),
        ("purchases", 10),
        ("payments", 40),
        ("carts", 20),
    ]
    assert found(container) == []
    revision = on_primary(container, ("GET", container.keys.revision))
    assert {tally.made for tally in seeded(container, TRADE)} == {0}
    assert on_primary(container, ("GET", container.keys.revision)) == revision
    statuses = {purchase.status for purchase in container.shop.purchases.page(PurchaseQuery(), 100, None).results}
    assert statuses == set(Status)


def test_payments_that_a_failover_disturbs_and_a_second_run_completes_add_up(redis_stack, container):
    plan = madeup.plan(Numbers(users=6, products=100, purchases=0, seed=9, vouchers=10, payments=300))
    moved = threading.Event()

    def move_once(tally) -> None:
        if tally.kind == "payments" and tally.done >= 50 and not moved.is_set():
            moved.set()
            fail_over(redis_stack, container)

    loader = Loader(
        shop=container.shop, existence=container.existence, password_hash="a hash", watch=move_once, timeout_s=60
    )
    try:
        *_, payments = loader.load(plan)
    finally:
        redis_stack.wait_until_whole()
    assert moved.is_set()
    assert (payments.made + payments.present, payments.refused.total()) == (300, 0)
    assert found(container) == []
    assert {tally.made for tally in seeded(container, plan)} == {0}


def test_purchases_that_go_through_carts_are_those_that_do_not(container):
    numbers = Numbers(users=4, products=40, purchases=30, seed=7)
    seeded(container, madeup.plan(replace(numbers, is_through_carts=True)))
    assert [tally.made for tally in seeded(container, madeup.plan(numbers))] == [0, 0, 0]
    bought = container.shop.purchases.page(PurchaseQuery(), 100, None).results
    assert {(purchase.status, purchase.cart is not None) for purchase in bought} == {(Status.DELIVERED, True)}
    assert found(container) == []


def command(stack, store: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "seed", *arguments],
        cwd=ROOT,
        env={**os.environ, **stack.environment, "EVERGREEN_STORE": store, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answered(seeding: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, said = seeding.communicate()
    return seeding.returncode, out, said


def test_the_command_says_what_it_made_and_the_second_time_that_it_was_there(redis_stack):
    store = f"test-{uuid4()}"
    _, first, _ = answered(command(redis_stack, store, *FEW))
    assert [line.partition(" in ")[0] for line in first.splitlines()[:3]] == [
        "Users: 3 made",
        "Products: 40 made",
        "Purchases: 60 made",
    ]
    _, second, _ = answered(command(redis_stack, store, *FEW))
    assert second.splitlines()[:3] == [
        "Users: 0 made, 3 there already.",
        "Products: 0 made, 40 there already.",
        "Purchases: 0 made, 60 there already.",
    ]


def test_as_json_it_says_the_same_and_how_far_it_is_goes_elsewhere(redis_stack):
    status, out, said = answered(command(redis_stack, f"test-{uuid4()}", *FEW, "--json"))
    report = orjson.loads(out)
    assert (status, report["products"]["made"], report["purchases"]["refused"]) == (0, 40, {})
    assert "purchases: 60 of 60" in said


def test_stopped_by_hand_it_goes_on_where_it_ended(redis_stack):
    store, many = f"test-{uuid4()}", ("--users", "3", "--products", "10000", "--purchases", "200")
    seeding = command(redis_stack, store, *many)
    node = redis_stack.layout.redis[primary_of(redis_stack)]
    with a_shop(redis_stack) as container:
        sequence = ("GET", Keys(store).product_sequence)
        wait_until(lambda: int(container.cluster.nodes[node].run(sequence, timeout=1)[0] or 0) > 100)
    seeding.send_signal(signal.SIGINT)
    status, _, said = answered(seeding)
    assert (status, said.splitlines()[-1]) == (
        130,
        "CommandError: Stopped. Run the same command again: it goes on where this ended.",
    )
    report = orjson.loads(answered(command(redis_stack, store, *many, "--json"))[1])
    assert report["products"]["present"] >= 100
    assert report["products"]["present"] + report["products"]["made"] == 10000
    assert report["purchases"] | {"seconds": 0, "per_second": 0} == {
        "wanted": 200,
        "present": 0,
        "made": 200,
        "refused": {},
        "seconds": 0,
        "per_second": 0,
    }


def test_whom_a_password_is_given_to_can_sign_in_and_nobody_else(redis_stack, container):
    store = container.keys.revision.partition("}")[0].removeprefix("{")
    answered(command(redis_stack, store, *FEW))
    answered(command(redis_stack, store, *FEW[2:], "--users", "5", "--password", "a long green meadow"))
    users = list(islice(reversed(container.shop.users.page("", 9, None).results), 5))
    kept = [container.shop.users.credentials(user.email).password_hash for user in users]
    matches = container.shop.passwords.matches
    assert [matches("a long green meadow", each) for each in kept] == [False, False, False, True, True]
    assert kept[3] == kept[4]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--password", "12345"), "--password: "),
        (("--dataset", "completejourney", "--users", "3"), "--users is for made-up data"),
        (("--purchases", "all"), "Made-up purchases have no end"),
        (("--users", "0"), "Purchases need users and products"),
        (("--products", "many"), "many is no number"),
        (("--payments", "5", "--products", "0"), "Purchases need users and products"),
        (("--dataset", "sample", "--through", "carts"), "The sample has no purchases"),
        (("--dataset", "completejourney", "--vouchers", "5"), "--vouchers is for made-up data"),
        (("--carts", "20001"), "at most 20,000 carts"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(redis_stack, arguments, reason):
    status, out, said = answered(command(redis_stack, f"test-{uuid4()}", *arguments))
    assert status != 0 and out == ""
    assert reason in said.splitlines()[-1]


def test_carts_are_not_paid_in_a_shop_without_the_fake_provider(redis_stack):
    seeding = command(redis_stack, f"test-{uuid4()}", "--payments", "5", EVERGREEN_PAYMENT_PROVIDERS="")
    status, out, said = answered(seeding)
    assert (status, out) == (2, "")
    assert "EVERGREEN_PAYMENT_PROVIDERS=fake" in said.splitlines()[-1]


def test_without_a_store_one_line_says_how_to_get_one(redis_stack, tmp_path):
    absent = {"REDIS_SENTINEL": "127.0.0.1:1"}, {"REDIS_SENTINEL": "", "EVERGREEN_RUN": str(tmp_path)}
    for environment in absent:
        status, _, said = answered(command(redis_stack, "test", **environment))
        assert (status, said) == (
            2,
            "CommandError: No store answers: start the shop with `make run`, or name the Sentinels of one in "
            "REDIS_SENTINEL.\n",
        )
