"""The workers in containers: webhooks that leave them, payments of which they hear, and their secrets."""

import uuid

import pytest
from standardwebhooks import Webhook

from tests.compose.containers import WORKERS
from tests.stack_fixtures import wait_until
from tests.unit.work.receiver import receiving

#: The account of nobody at Stripe.
ACCOUNT = {"EVERGREEN_STRIPE_KEY": "sk_test_none", "EVERGREEN_STRIPE_WEBHOOK_SECRET": "whsec_none"}


@pytest.fixture
def receiver(containers):
    """A server on this machine, outside of the containers."""
    with receiving(host=containers.host_address(WORKERS[0])) as found:
        yield found


@pytest.mark.parametrize("killed", WORKERS)
def test_a_payment_reaches_a_receiver_outside_signed_while_a_worker_is_away(containers, staff, receiver, killed):
    made = staff.post("/webhook-endpoints/", {"url": receiver.url, "types": ["payment.captured"]}).json()
    purchase = staff.buy(staff.new_product(stock=1)).json()["id"]
    containers.kill(killed)
    paid = staff.post(f"/purchases/{purchase}/payments/", {"provider": "fake", "method": "tok_ok"})
    assert paid.status_code == 201, paid.text
    wait_until(lambda: bool(receiver.received))
    headers, body = receiver.received[0]
    assert Webhook(made["secret"]).verify(body, headers)["object"] == paid.json()["id"]


def test_a_worker_goes_on_with_the_new_passwords_of_the_store(containers, staff, receiver):
    staff.post("/webhook-endpoints/", {"url": receiver.url, "types": ["product.created"]})
    assert containers.script("rotate").returncode == 0
    # Connections that were open would go on without a password: those to the next primary are new.
    containers.kill(str(containers.primary))
    sku = uuid.uuid4().hex
    staff.new_product(stock=1, sku=sku)
    wait_until(lambda: any(sku.encode() in body for _, body in receiver.received))
    assert {name: containers.restarts(name) for name in WORKERS} == dict.fromkeys(WORKERS, 0)


def test_payments_by_stripe_without_the_key_of_an_account_are_refused_before_anything_starts(containers):
    with pytest.raises(AssertionError, match="EVERGREEN_STRIPE_KEY is missing"):
        containers.compose("run", "--rm", "-e", "EVERGREEN_PAYMENT_PROVIDERS=stripe", "settings")


def test_instances_and_workers_have_the_secrets_of_stripe_and_the_engine_does_not_show_them(containers):
    containers.set(**ACCOUNT, EVERGREEN_PAYMENT_PROVIDERS="fake,stripe")
    try:
        assert containers.script("init").returncode == 0
        containers.compose("run", "--rm", "settings")
        containers.up("api-1", *WORKERS)
        for name in ("api-1", *WORKERS):
            assert containers.compose("exec", "-T", name, "cat", "/run/secrets/stripe_key") == "sk_test_none"
            assert "sk_test_none" not in containers.engine.docker("inspect", containers.container(name))
    finally:
        containers.set(**dict.fromkeys(ACCOUNT, ""), EVERGREEN_PAYMENT_PROVIDERS="fake")
        containers.script("init")
