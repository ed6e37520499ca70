"""Vouchers are redeemed as often as they may be, and count it."""

from collections import Counter
from collections.abc import Iterator

from chaos.anomalies import Anomaly, Violation
from chaos.contents import Contents


def over_limit(contents: Contents) -> Iterator[Violation]:
    """Yield each voucher that more purchases have than it allows, that one customer has more often, or that counts
    another number than that of its purchases."""
    holders: dict[str, list[str]] = {}
    for purchase in contents.purchases.values():
        if purchase.voucher:
            holders.setdefault(purchase.voucher, []).append(purchase.customer)
    for code, voucher in (contents.vouchers or {}).items():
        customers = holders.get(code, [])
        if voucher.limit is not None and len(customers) > voucher.limit:
            yield _violation(code, f"{len(customers)} purchases have it, {voucher.limit} may")
        if voucher.redeemed != len(customers):
            yield _violation(code, f"{len(customers)} purchases have it, it counts {voucher.redeemed}")
        for customer, times in Counter(filter(None, customers)).items():
            if voucher.limit_per_customer is not None and times > voucher.limit_per_customer:
                yield _violation(code, f"customer {customer} has it {times} times, {voucher.limit_per_customer} may")


def _violation(code: str, detail: str) -> Violation:
    return Violation(anomaly=Anomaly.OVER_LIMIT, detail=f"voucher {code}: {detail}")
