"""What the checker takes from the records of a node, and from the documents of the API."""

import orjson

from chaos import http_records, store_records

TEA, MILK = "tea", "milk"
ROW = ["refund-1", "300", "pending", "1", "", "", "0"]


def stored_purchase(**changes):
    items = [[TEA, "SKU", "Green tea", "420", 2, "840"]]
    fields = {"user": "ann", "status": "placed", "items": orjson.dumps(items).decode(), "total": "840"}
    return store_records.purchase({**fields, "history": '[["placed","0","ann"]]', **changes})


def test_a_purchase_has_the_voucher_that_it_has_not_given_back():
    redeemed = {"voucher": "TEA-3", "voucher_id": "v", "voucher_customer": "ann"}
    assert (stored_purchase(**redeemed).voucher, stored_purchase(**redeemed).customer) == ("TEA-3", "ann")
    assert stored_purchase(**redeemed, voucher_returned="1").voucher == ""
    assert stored_purchase(voucher="").voucher == ""


def test_a_purchase_costs_its_total_and_is_the_guests_where_nobody_is_named():
    assert (stored_purchase().total, stored_purchase(user="").user) == (840, "")


def test_money_that_is_reserved_for_a_refund_is_owed():
    fields = {"purchase": "p", "provider": "fake", "amount": "840", "authorized": "840", "captured": "840"}
    payment = store_records.payment({**fields, "refunded": "100", "refunds": orjson.dumps([ROW]).decode()})
    assert (payment.reserved, payment.left) == (300, 440)
    assert store_records.payment({**fields, "refunded": "0", "refunds": ""}).left == 840


def test_a_voucher_without_a_limit_has_none():
    voucher = store_records.voucher({"limit": "", "limit_per_customer": "1", "redeemed": "7"})
    assert (voucher.limit, voucher.limit_per_customer, voucher.redeemed) == (None, 1, 7)


def shown_purchase(refunds=(), returns=(), status="paid", voucher=None, payment="refunded"):
    document = {"user": "ann", "status": status, "total": "8.40", "currency": "EUR", "voucher": voucher}
    document["items"] = [{"product": TEA, "quantity": 2}, {"product": MILK, "quantity": 1}]
    document["history"] = [{"status": "placed"}, {"status": status}]
    return http_records.purchase(document, [{"status": payment, "refunds": refunds}], returns)


def test_units_that_a_refund_or_a_return_brought_back_are_sold_no_more():
    assert shown_purchase().has_units
    assert not shown_purchase([{"restock": True, "status": "succeeded"}]).has_units
    assert shown_purchase([{"restock": True, "status": "pending"}]).has_units
    assert shown_purchase([{"restock": True, "status": "succeeded"}], payment="partially_refunded").has_units
    returned = shown_purchase(returns=[{"restocked": [{"product": TEA, "quantity": 2}]}])
    assert (returned.has_units, dict(returned.restocked)) == (True, {TEA: 2})
    product = http_records.product(TEA, {"stock": 9}, 9, [], [returned, shown_purchase()])
    assert product.adjusted == 2


def test_a_purchase_that_was_cancelled_has_given_its_voucher_back():
    assert shown_purchase(voucher="TEA-3").voucher == "TEA-3"
    assert shown_purchase(voucher="TEA-3", status="cancelled").voucher == ""
