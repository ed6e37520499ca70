"""Vouchers: each has been redeemed as often as purchases say."""

from collections import Counter
from collections.abc import Iterator, Mapping

from operations.store_audit.indexes import Indexes
from shop.domain.stock_invariant import Violation
from shop.repositories import records
from shop.repositories.keys import Keys


class VoucherAudit:
    """Goes through the vouchers, one by one, once all purchases are known."""

    def __init__(self, keys: Keys, indexes: Indexes) -> None:
        self._keys = keys
        self._indexes = indexes
        #: By the id of a voucher, the purchases that have redeemed it and not given it back.
        self._redeemed: Counter[str] = Counter()

    def add_purchase(self, record: Mapping[str, str]) -> None:
        """Add the record of a purchase, which may have redeemed a voucher."""
        if "voucher_id" in record and record.get("voucher_returned") != "1":
            self._redeemed[record["voucher_id"]] += 1

    def check(self, code: str, record: Mapping[str, str]) -> Iterator[Violation]:
        """What is wrong with this voucher.

        Raises:
            KeyError, ValueError: it cannot be read.
        """
        voucher, subject = records.VOUCHER.read(record), f"voucher {code}"
        self._indexes.expect(self._keys.vouchers, code)
        if voucher.code != code:
            yield Violation(code="voucher-record", subject=subject, detail=f"it says that its code is {voucher.code}")
        purchases = self._redeemed[voucher.id]
        if voucher.redeemed != purchases:
            detail = f"it is redeemed {voucher.redeemed} times, and {purchases} purchases have redeemed it"
            yield Violation(code="voucher-law", subject=subject, detail=detail)
