"""Webhooks and mails of the whole topology: from a request at the edge proxy to a receiver, and to a file."""

import time
from email import message_from_bytes, policy

import httpx
import pytest
from standardwebhooks import Webhook

from chaos import stage
from devstack.layout import WORKERS
from devstack.temporary import RunningStack
from shop.domain.callers import Role
from tests.stack_fixtures import wait_until
from tests.system.shopping import assembled
from tests.unit.work.receiver import receiving

TIMEOUT_S = 20


@pytest.fixture
def staff(stack: RunningStack):
    container = assembled(stack)
    token = stage.create_person(container.shop, Role.STAFF).token
    container.close()
    with httpx.Client(
        base_url=f"{stack.base_url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S
    ) as client:
        yield client


def test_a_change_reaches_a_receiver_signed_while_a_worker_is_killed(stack: RunningStack, staff: httpx.Client):
    with receiving() as receiver:
        made = staff.post("/webhook-endpoints/", json={"url": receiver.url, "types": ["product.created"]}).json()
        stack.kill(WORKERS[0])
        product = {"sku": f"HOOK-{time.time_ns()}", "name": "Apple", "price": "1.20", "currency": "EUR"}
        created = staff.post("/products/", json=product).json()
        wait_until(lambda: bool(receiver.received))
    headers, body = receiver.received[0]
    event = Webhook(made["secret"]).verify(body, headers)
    assert (event["type"], event["object"], event["id"]) == ("product.created", created["id"], headers["webhook-id"])
    path = f"/webhook-endpoints/{made['id']}/deliveries/"
    wait_until(lambda: staff.get(path).json()["results"][0]["status"] == "delivered")
    staff.delete(f"/webhook-endpoints/{made['id']}/")


def test_a_purchase_is_confirmed_by_a_mail(stack: RunningStack, staff: httpx.Client):
    body = {"sku": f"MAIL-{time.time_ns()}", "name": "Pears", "price": "2.00", "currency": "EUR", "stock": 5}
    product = staff.post("/products/", json=body).json()
    bought = staff.post("/purchases/", json={"items": [{"product": product["id"], "quantity": 2}]}).json()

    def confirmation():
        files = sorted(stack.layout.mails.glob("*.log"))
        return next((path.read_bytes() for path in files if bought["id"].encode() in path.read_bytes()), None)

    wait_until(lambda: confirmation() is not None)
    mail = message_from_bytes(confirmation(), policy=policy.default)
    assert mail["Subject"] == f"Your order ({bought['id'][-8:]})"
    assert "2 x Pears: 4.00 EUR" in mail.get_body(("plain",)).get_content()


def test_the_status_page_shows_the_workers(stack: RunningStack, staff: httpx.Client):
    def alive():
        workers = staff.get(f"{stack.base_url}/status/", headers={"Accept": "application/json"}).json()["workers"]
        return [worker["name"] for worker in workers if worker["up"]]

    # Once is enough: on a busy machine a heartbeat may be late the next moment.
    wait_until(lambda: alive() == [*WORKERS])
