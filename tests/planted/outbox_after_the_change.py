"""The event of a purchase is written after the purchase, by a second command: an instance that dies in between leaves
the purchase without it."""

import time

from exactly_once import scripts
from shop.concurrency import REQUESTS
from shop.repositories.checkouts import RedisCheckoutRepository
from shop.repositories.purchases import RedisPurchaseRepository

BETWEEN = 1.5
HEAD = "local function emit(kind, object, data)"

_texts = scripts._texts


def silent(folder):
    texts = _texts(folder)
    if "events" in texts:
        assert HEAD in texts["events"]
        texts["events"] = texts["events"].replace(HEAD, f"{HEAD} if kind == 'purchase.placed' then return end")
    return texts


def with_a_late_event(write):
    def written(self, request, *purchase):
        # A retry by nginx has the same id, and finds the record of the try before.
        is_repeat = self._store.read(("EXISTS", self._keys.request(request.idempotency_key)))
        result = write(self, request, *purchase)
        if result.origin_request_id == request.id and not is_repeat:
            with REQUESTS.released():
                time.sleep(BETWEEN)
            _add_event(self._store.cluster, self._keys.events, result.value.id, request.id)
        return result

    return written


def _add_event(cluster, stream, purchase, request):
    fields = ("type", "purchase.placed", "object", purchase, "data", "{}", "request", request)
    cluster.nodes[cluster.topology.refresh().primary].run(("XADD", stream, "*", *fields), timeout=1)


scripts._texts = silent
RedisPurchaseRepository.place = with_a_late_event(RedisPurchaseRepository.place)  # type: ignore[method-assign]
RedisCheckoutRepository.check_out = with_a_late_event(RedisCheckoutRepository.check_out)  # type: ignore[method-assign]

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
