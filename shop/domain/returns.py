"""Returns: units of a purchase that its buyer sends back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.pages import Page, Position
from shop.domain.purchases import Status, Units

#: Returns of one purchase, refused ones included. lua/parts/return_transition.lua has the same.
MAX_RETURNS = 20


#: The stages of a purchase of which units may be returned.
RETURNABLE = (Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.DELIVERED)


class ReturnStatus(StrEnum):
    """The status of a return."""

    REQUESTED = "requested"
    APPROVED = "approved"
    RECEIVED = "received"
    REFUNDED = "refunded"
    REFUSED = "refused"


#: Status -> the statuses that may follow it. A refund of the purchase makes a return that was received refunded.
RETURN_TRANSITIONS: Mapping[ReturnStatus, Sequence[ReturnStatus]] = MappingProxyType(
    {
        ReturnStatus.REQUESTED: (ReturnStatus.APPROVED, ReturnStatus.REFUSED),
        ReturnStatus.APPROVED: (ReturnStatus.RECEIVED, ReturnStatus.REFUSED),
        ReturnStatus.RECEIVED: (ReturnStatus.REFUNDED,),
        ReturnStatus.REFUNDED: (),
        ReturnStatus.REFUSED: (),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """A return. `lines` are the units that the buyer asked to send back, `received` those that arrived, and `restocked`
    those of them that went back into stock: fewer where others of the purchase had before. `reason` is empty once the
    buyer is erased; `version` counts transitions, from 1."""

    id: str
    purchase: str
    status: ReturnStatus
    lines: Sequence[Units]
    received: Sequence[Units] = ()
    restocked: Sequence[Units] = ()
    reason: str
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnQuery:
    """Filters of a list of returns, newest first. None: of any purchase, of any user, in any status. At most one of
    them is given."""

    purchase: str | None = None
    user: str | None = None
    status: ReturnStatus | None = None


class ReturnRepository(Protocol):
    """Returns. Reads and writes as in UserRepository. Customers have access to those of their own purchases."""

    def get(self, id: str, owner: str | None) -> Return:
        """Return the return of this owner's purchase (None: of any).

        Raises: NotFound."""
        ...

    def page(self, query: ReturnQuery, owner: str | None, size: int, position: Position | None) -> Page[Return]:
        """List returns, newest first. Raises: NotFound, where the query names a purchase that is not this owner's."""
        ...

    def request(
        self,
        request: WriteRequest,
        id: str,
        purchase: str,
        lines: Sequence[Units],
        reason: str,
        *,
        by: Caller,
        at: datetime,
    ) -> WriteResult[Return]:
        """Ask to return units that have been shipped, each of them in one return at most that is not refused.

        Raises: NotFound, InvalidTransition of the purchase, UnitsExceeded, TooManyReturns."""
        ...

    def approve(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[Return]:
        """Raises: NotFound, InvalidTransition."""
        ...

    def refuse(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[Return]:
        """Raises: NotFound, InvalidTransition."""
        ...

    def receive(
        self, request: WriteRequest, id: str, lines: Sequence[Units], *, restock: bool, by: Caller, at: datetime
    ) -> WriteResult[Return]:
        """Receive these units, all of the return where there are no lines. With `restock` those of them return to stock
        that have not done so before.

        Raises: NotFound, InvalidTransition, UnitsExceeded."""
        ...
