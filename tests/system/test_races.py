"""Many at once, through nginx and both instances."""

import uuid
from collections import Counter

from tests.system.shopping import at_once


def statuses(answers):
    return Counter(answer.status_code for answer in answers)


def test_one_unit_and_five_hundred_buyers_make_one_purchase(staff, shopper):
    product = staff.new_product(stock=1)
    buyers = [shopper() for _ in range(500)]
    answers = at_once(500, lambda place: buyers[place].buy(product))
    assert statuses(answers) == {201: 1, 409: 499}
    assert staff.stock(product) == 0


def test_one_key_fifty_times_at_once_makes_one_purchase_and_fifty_equal_answers(staff, customer):
    product, key = staff.new_product(stock=100), uuid.uuid4().hex
    answers = at_once(50, lambda _: customer.buy(product, 3, key))
    assert statuses(answers) == {201: 50}
    assert len({answer.content for answer in answers}) == 1
    assert Counter(answer.headers.get("Idempotent-Replayed") for answer in answers) == {"true": 49, None: 1}
    assert staff.stock(product) == 97


def test_one_sku_fifty_times_at_once_makes_one_product(staff):
    body = {"sku": uuid.uuid4().hex, "name": "Tea", "price": "1.00", "currency": "EUR"}
    answers = at_once(50, lambda _: staff.post("/products/", body))
    assert statuses(answers) == {201: 1, 409: 49}
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"sku-taken"}


def test_one_address_thirty_times_at_once_makes_one_user(visitor):
    name = uuid.uuid4().hex
    spellings = (f"{name}@example.com", f"{name.upper()}@EXAMPLE.com")

    def register(place):
        body = {"email": spellings[place % 2], "password": "a long walk home", "first_name": "A", "last_name": "B"}
        return visitor.post("/users/", body)

    # As many of one network as may wait for a password hash.
    answers = at_once(30, register)
    assert statuses(answers) == {201: 1, 409: 29}


def test_fifty_cancellations_bring_the_units_back_once(staff, customer):
    product = staff.new_product(stock=10)
    purchase = customer.buy(product, 4).json()["id"]
    answers = at_once(50, lambda _: customer.post(f"/purchases/{purchase}/cancel/"))
    assert statuses(answers) == {200: 1, 409: 49}
    assert staff.stock(product) == 10


def test_of_a_cancellation_and_a_shipment_one_wins(staff, customer):
    product = staff.new_product(stock=20)
    for _ in range(20):
        purchase = customer.buy(product).json()["id"]
        assert staff.post(f"/purchases/{purchase}/pay/").status_code == 200
        moves = (f"/purchases/{purchase}/cancel/", f"/purchases/{purchase}/ship/")
        answers = at_once(2, lambda place, moves=moves: staff.post(moves[place]))
        assert statuses(answers) == {200: 1, 409: 1}


def test_what_was_created_is_there_at_once_a_thousand_times(staff, customer):
    product = staff.new_product(stock=1000)
    missing = 0
    for _ in range(500):
        created = staff.new_product(stock=1)
        missing += staff.get(f"/products/{created}/").status_code != 200
        purchase = customer.buy(product).json()["id"]
        missing += customer.get(f"/purchases/{purchase}/").status_code != 200
    assert missing == 0


def test_a_key_for_another_body_is_refused(staff, customer):
    product, key = staff.new_product(stock=10), uuid.uuid4().hex
    assert customer.buy(product, 1, key).status_code == 201
    answer = customer.buy(product, 2, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert staff.stock(product) == 9


def test_a_stock_adjustment_repeated_under_one_key_takes_effect_once(staff):
    product, key = staff.new_product(stock=10), uuid.uuid4().hex
    body = {"delta": 5, "reason": "delivery"}
    answers = at_once(20, lambda _: staff.post(f"/products/{product}/stock/", body, key))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"stock":15}')}
    assert staff.stock(product) == 15


def test_a_token_revoked_on_one_instance_is_refused_on_both_at_once(shopper):
    somebody = shopper()
    assert {somebody.get("/users/me/").status_code for _ in range(4)} == {200}
    assert somebody.post("/auth/logout/").status_code == 204
    assert {somebody.get("/users/me/").status_code for _ in range(20)} == {401}
