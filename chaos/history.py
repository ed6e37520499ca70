"""The history of a load: one `Call` for each request, with its response."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

_ONE_PRODUCT = re.compile(r"/products/([\w-]+)/")


class CallKind(StrEnum):
    """What a call does."""

    CATALOGUE = "catalogue"
    OWN = "own"
    PURCHASE = "purchase"
    ADJUSTMENT = "adjustment"
    REGISTRATION = "registration"
    CREATION = "creation"
    CANCELLATION = "cancellation"
    CART = "cart"
    CART_LINE = "cart line"
    CART_HOLD = "cart hold"
    CHECKOUT = "checkout"
    CART_EMAIL = "cart email"
    CART_VOUCHER = "cart voucher"
    PAYMENT = "payment"
    WEBHOOK = "webhook"
    CAPTURE = "capture"
    PAYMENT_CANCELLATION = "payment cancellation"
    REFUND = "refund"
    SHIPMENT = "shipment"
    RETURN = "return"
    RETURN_APPROVAL = "return approval"
    RETURN_RECEIPT = "return receipt"

    @property
    def is_read(self) -> bool:
        return self in (CallKind.CATALOGUE, CallKind.OWN)


@dataclass(kw_only=True, slots=True)
class Call:
    """A request and its response. `due` is when it was to be sent and `ended` when its response was there, in seconds
    since the load began. A `status` of 0 is no response; `error` says why. `subject` is what a call is about: a
    product, a purchase, a cart, an email address or an SKU; of a payment, a refund, a shipment and a return it is the
    purchase. `items` are the lines that the call is about, `voucher` is the code of the cart's voucher, and `is_held`
    is whether the cart holds its lines."""

    kind: CallKind
    method: str
    path: str
    caller: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    key: str = ""
    subject: str = ""
    items: Sequence[tuple[str, int]] = ()
    voucher: str = ""
    is_held: bool = False
    due: float = 0.0
    ended: float = 0.0
    status: int = 0
    answer: bytes = b""
    request_id: str = ""
    retry_after: str = ""
    is_replayed: bool = False
    error: str = ""

    @property
    def seconds(self) -> float:
        """How long its sender waited, from when it was due."""
        return self.ended - self.due

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        """Whether a rule of the shop said no, which is an outcome like any other."""
        return self.status in (409, 422)

    @property
    def did_nothing(self) -> bool:
        """Whether the shop said that it could not, and did nothing."""
        return self.status == 503 and self.code == "store-unavailable"

    @property
    def product(self) -> str:
        """The id of the product that is read; empty where the call is no read of one product."""
        match = _ONE_PRODUCT.fullmatch(self.path) if self.kind is CallKind.CATALOGUE else None
        return match[1] if match else ""

    @property
    def is_acknowledged(self) -> bool:
        return self.is_success or self.is_refusal

    @property
    def content(self) -> Any:
        """The answer's body; nothing where it is none that can be read."""
        try:
            return orjson.loads(self.answer)
        except orjson.JSONDecodeError:
            return {}

    @property
    def code(self) -> str:
        """The problem's code, where the answer is one."""
        content = self.content
        return str(content.get("code", "")) if isinstance(content, dict) else ""


@dataclass(kw_only=True, slots=True)
class History:
    """Every call of a load, in the order in which they were due."""

    calls: list[Call] = field(default_factory=list)

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if not call.kind.is_read]

    @property
    def reads(self) -> list[Call]:
        return [call for call in self.calls if call.kind.is_read]

    @property
    def longest_pause(self) -> float:
        """The longest time, in seconds, in which no write was acknowledged."""
        ends = sorted(call.ended for call in self.writes if call.is_acknowledged)
        return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)

    def as_lines(self) -> bytes:
        """One JSON object for each call."""
        return b"\n".join(orjson.dumps(call, default=_text) for call in self.calls) + b"\n"


def lines_of(call: Call) -> Sequence[tuple[str, int]]:
    """The lines of a purchase that is placed, or of the cart or the return that the call is about."""
    return call.items or tuple((item["product"], item["quantity"]) for item in (call.body or {}).get("items", ()))


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
