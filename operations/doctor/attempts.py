"""What a client does, tried: a read, and a write that is acknowledged. The write changes nothing but the revision."""

from collections.abc import Callable, Iterator

from exactly_once import Consistency, Store, Unavailable
from operations.doctor.diagnosis import Diagnosis, Level

#: That the write may take, longer than a failover does.
WRITE_TIMEOUT_S = 5.0


def attempts(store: Store) -> Iterator[Diagnosis]:
    """Try the store as the shop uses it."""
    revision = ("GET", store.namespace.revision)
    remedy = "mend what the other lines name; without them, look at the logs of the data nodes"
    yield _attempt("read", "The primary answers a read.", remedy, lambda: store.read(revision))
    causal = "A replica answers a read."
    yield _attempt("read", causal, remedy, lambda: store.read(revision, Consistency.CAUSAL))
    written = "A write is acknowledged."
    yield _attempt("write", written, remedy, lambda: store.confirm_writable(WRITE_TIMEOUT_S))


def _attempt(check: str, otherwise: str, remedy: str, call: Callable[[], object]) -> Diagnosis:
    try:
        call()
    except Unavailable as error:
        finding = f"a {check} was tried and failed ({type(error).__name__}): {str(error).rstrip('.')}"
        return Diagnosis(level=Level.PROBLEM, check=check, finding=finding, remedy=remedy)
    return Diagnosis(level=Level.OK, check=check, finding=otherwise)
