"""A Stripe on this machine: localstripe as a process, behind a proxy that has what it lacks and fails on demand.

localstripe is under the GPL, and is therefore run and never imported. It has the state: intents, charges, refunds, 3DS,
declines, webhooks with signatures. The proxy has idempotency keys and the search for metadata, as Stripe has them.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from devstack.temporary import free_port
from tests.stack_fixtures import wait_until
from tests.stripe_proxy import StripeProxy, call

KEY, WEBHOOK_SECRET = "sk_test_0123456789", "whsec_0123456789"
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VISA, DECLINED = "4242424242424242", "4000000000000341"
THREE_D_SECURE, DECLINED_AFTER_3DS = "4000002500003155", "4000008400001629"
#: Where localstripe writes its state after each change; nothing reads it.
STATE_FILE = Path("/tmp/localstripe.pickle")
STOP_TIMEOUT_S = 10


@dataclass(kw_only=True)
class SimulatedStripe:
    """localstripe at `url`, and the proxy before it, which is what the shop calls."""

    url: str
    proxy: StripeProxy

    def card(self, number: str) -> str:
        """The id of a new payment method, as Stripe's script makes it in a browser."""
        card = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123"}
        return str(self._post("/v1/payment_methods", {"type": "card", **card})["id"])

    def pay(self, client_secret: str, card: str) -> Any:
        """Pay an intent with this card, as Stripe's script does; return the intent, or the error."""
        reference = client_secret.partition("_secret")[0]
        self._post(f"/v1/payment_intents/{reference}", {"payment_method": self.card(card)})
        return self._post(f"/v1/payment_intents/{reference}/confirm", {}, allowed=(200, 402))

    def authenticate(self, client_secret: str, *, success: bool = True) -> None:
        """Do what 3D Secure asks of the customer, or fail to."""
        reference = client_secret.partition("_secret")[0]
        fields = {"key": "pk_test_0123456789", "client_secret": client_secret, "success": str(success).lower()}
        self._post(f"/v1/payment_intents/{reference}/_authenticate", fields, allowed=(200, 402))

    def intents(self, payment: str) -> list[Any]:
        """All intents of this payment of the shop: more than one would be a fault."""
        return [intent for intent in self._list("payment_intents") if intent["metadata"].get("payment") == payment]

    def refunds(self, reference: str) -> list[Any]:
        """All refunds of this intent."""
        return [refund for refund in self._list("refunds") if refund["payment_intent"] == reference]

    def refund(self, reference: str, amount: int) -> Any:
        """Refund so much as staff do in Stripe's dashboard; return the charge."""
        self._post("/v1/refunds", {"payment_intent": reference, "amount": str(amount)})
        return self._get(f"/v1/payment_intents/{reference}")["latest_charge"]

    def send_webhooks_to(self, url: str) -> None:
        """Have localstripe send every event to this URL, in place of the one before."""
        body = json.dumps({"url": url, "secret": WEBHOOK_SECRET}).encode()
        answer = call("POST", f"{self.url}/_config/webhooks/shop", {"Content-Type": "application/json"}, body)
        assert answer.status_code == 200, answer.text

    def _list(self, kind: str) -> list[Any]:
        found: list[Any] = self._get(f"/v1/{kind}?limit=100000")["data"]
        return found

    def _get(self, path: str) -> Any:
        return call("GET", f"{self.url}{path}", AUTHORIZATION).raise_for_status().json()

    def _post(self, path: str, fields: dict[str, str], allowed: tuple[int, ...] = (200,)) -> Any:
        answer = call("POST", f"{self.url}{path}", {**AUTHORIZATION, **FORM}, urlencode(fields).encode())
        assert answer.status_code in allowed, answer.text
        return answer.json()


@contextlib.contextmanager
def simulated_stripe() -> Iterator[SimulatedStripe]:
    """localstripe and the proxy, for as long as the block runs; webhooks go through the proxy."""
    with tempfile.TemporaryDirectory() as directory, _process(Path(directory)) as url, StripeProxy(url) as proxy:
        simulation = SimulatedStripe(url=url, proxy=proxy)
        simulation.send_webhooks_to(f"{proxy.url}/webhooks")
        yield simulation


@contextlib.contextmanager
def _process(directory: Path) -> Iterator[str]:
    port, log = free_port(), directory / "localstripe.log"
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output)
    try:
        wait_until(lambda: _answers(port, process, log))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)
        with contextlib.suppress(OSError):
            STATE_FILE.unlink(missing_ok=True)


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"localstripe has ended:\n{log.read_text(errors='replace')}")
    try:
        return call("GET", f"http://127.0.0.1:{port}/js.stripe.com/v3/", {}).status_code == 200
    except httpx.TransportError:
        return False
