"""The store audit: every record and index of a snapshot, compared with all others."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from operations.backup.snapshot import Snapshot, Snapshots, ids
from operations.store_audit.holds import HoldAudit
from operations.store_audit.indexes import Indexes
from operations.store_audit.movements import MovementAudit
from operations.store_audit.payments import PaymentAudit
from operations.store_audit.products import ProductAudit
from operations.store_audit.purchases import PurchaseAudit, Related
from operations.store_audit.returns import ReturnAudit
from operations.store_audit.users import UserAudit
from operations.store_audit.vouchers import VoucherAudit
from shop.domain.stock_invariant import Ledger, Violation
from shop.repositories.keys import Keys
from shop.repositories.records import prefixes

Check = Callable[[str, Mapping[str, str]], Iterator[Violation]]


@dataclass(kw_only=True, slots=True)
class Audit:
    """The result of an audit: counts by kind, and violations; `source` is the node that was copied."""

    source: str
    counts: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


class Auditor:
    """Checks the stock invariant and every index, on a snapshot, so that sales may go on."""

    def __init__(self, snapshots: Snapshots, keys: Keys) -> None:
        self._snapshots = snapshots
        self._keys = keys

    def audit(self, watch: Callable[[str], None]) -> Audit:
        """Every violation in the store now. `watch` gets a line for each step.

        Raises:
            StoreUnavailable: no node gives a copy.
            TempServerFailed: the copy cannot be loaded here.
        """
        watch("Copying a node's data.")
        with self._snapshots.take() as snapshot:
            return audit_of(snapshot, self._keys, watch)


def audit_of(snapshot: Snapshot, keys: Keys, watch: Callable[[str], None]) -> Audit:
    """Every violation in this snapshot."""
    return _Run(snapshot, keys, watch).audit()


class _Run:
    def __init__(self, snapshot: Snapshot, keys: Keys, watch: Callable[[str], None]) -> None:
        self._snapshot = snapshot
        self._keys = keys
        self._watch = watch
        self._names = snapshot.names()
        self._audit = Audit(source=snapshot.source)

    def audit(self) -> Audit:
        keys, indexes, ledger = self._keys, Indexes(self._keys), Ledger()
        movements, holds = MovementAudit(keys), HoldAudit(keys)
        vouchers = VoucherAudit(keys, indexes)
        payments = PaymentAudit(keys, indexes)
        returns, users = ReturnAudit(keys, indexes), frozenset(ids(self._names, keys.user_prefix))
        related = Related(returns=returns, vouchers=vouchers, payments=payments)
        products = int(next(self._snapshot.replies([("GET", keys.product_sequence)])) or 0)
        checks = {
            "users": UserAudit(keys, indexes).check,
            "products": ProductAudit(keys, indexes, ledger, movements, holds, products).check,
            "purchases": PurchaseAudit(keys, indexes, ledger, related, users, self._erased(users)).check,
        }
        for kind, prefix in prefixes(keys).items():
            self._audit.counts[kind] = self._go_through(kind, prefix, checks[kind])
        self._go_through("returns", keys.return_prefix, returns.check)
        self._go_through("vouchers", keys.voucher_prefix, vouchers.check)
        self._go_through("payments", keys.payment_prefix, payments.check)
        self._watch("Adding up movements.")
        self._audit.violations += movements.violations(self._snapshot, self._names)
        self._watch("Adding up holds.")
        self._audit.violations += holds.violations(self._snapshot, self._names)
        self._audit.violations += [*payments.violations(self._snapshot), *returns.violations()]
        self._watch("Comparing the indexes.")
        self._audit.violations[:0] = ledger.violations()
        self._audit.violations += indexes.violations(self._snapshot, self._names)
        return self._audit

    def _erased(self, users: frozenset[str]) -> frozenset[str]:
        """The users whose erasure is pending. None of them is a user still."""
        listed = next(self._snapshot.replies([("ZRANGE", self._keys.erasures, 0, -1)])) or ()
        pending = frozenset(id.decode() for id in listed)
        for id in sorted(pending & users):
            detail = "its erasure has begun, and its record is there"
            self._audit.violations.append(Violation(code="user-record", subject=f"user {id}", detail=detail))
        return pending

    def _go_through(self, kind: str, prefix: str, check: Check) -> int:
        """Check every record of a kind. Returns how many there are."""
        listed = ids(self._names, prefix)
        self._watch(f"Checking {len(listed):,} {kind}.")
        for id, reply in zip(listed, self._snapshot.replies(("HGETALL", prefix + id) for id in listed), strict=True):
            self._audit.violations += _checked(f"{kind.removesuffix('s')} {id}", id, reply, check)
        return len(listed)


def _checked(subject: str, id: str, reply: Any, check: Check) -> list[Violation]:
    try:
        texts = [text.decode() for text in reply]
        return list(check(id, dict(zip(texts[::2], texts[1::2], strict=True))))
    except (KeyError, ValueError, TypeError) as error:
        return [Violation(code="unreadable", subject=subject, detail=f"{type(error).__name__}: {error}")]
