"""A voucher's limit is looked at, and the voucher is redeemed later: what others redeem in between goes over it."""

import time

from exactly_once import scripts
from shop.concurrency import REQUESTS
from shop.domain.voucher_errors import VoucherExhausted
from shop.domain.vouchers import VoucherObstacle
from shop.repositories.checkouts import RedisCheckoutRepository

BETWEEN = 2.0
LIMIT = "elseif is_reached(voucher.limit, voucher.redeemed) then"

_texts, _check_out = scripts._texts, RedisCheckoutRepository.check_out


def trusting(folder):
    texts = _texts(folder)
    if "vouchers" in texts:
        assert LIMIT in texts["vouchers"]
        texts["vouchers"] = texts["vouchers"].replace(LIMIT, "elseif false then")
    return texts


def check_out(self, request, id, cart, *rest):
    code = self._store.read(("HGET", self._keys.cart(cart), "voucher"))
    limit, redeemed = self._store.read(("HMGET", self._keys.voucher(code or ""), "limit", "redeemed"))
    if limit and int(redeemed) >= int(limit):
        raise VoucherExhausted(VoucherObstacle.EXHAUSTED)
    with REQUESTS.released():
        time.sleep(BETWEEN)
    return _check_out(self, request, id, cart, *rest)


scripts._texts = trusting
RedisCheckoutRepository.check_out = check_out  # type: ignore[method-assign]

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
