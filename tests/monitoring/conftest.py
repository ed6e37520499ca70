"""The programs that check and run what lies in monitoring/, and a shop that they watch."""

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from devstack import lifecycle
from devstack.credentials import monitoring_password
from devstack.layout import Layout
from devstack.settings import BackupSchedule
from devstack.temporary import RunningStack, free_port, running
from operations.alerting import Delivery
from operations.monitoring_access import USER
from shop.domain.callers import Role
from tests.capabilities import program, require
from tests.monitoring.prometheus import Prometheus
from tests.monitoring.receivers import Mailbox, Telephone, telephone
from tests.stack_fixtures import wait_until
from tests.system.document import of_a_purchase
from tests.system.shopping import Load, Shopper, assembled, signed_in

#: Seconds of load before the failover and after it, and what recording rules take until they have something to say.
LOAD, SETTLING = 12.0, 20.0


@pytest.fixture(scope="session")
def promtool() -> str:
    require("prometheus")
    return str(program("promtool"))


@pytest.fixture(scope="session")
def amtool() -> str:
    require("prometheus")
    return str(program("amtool"))


@pytest.fixture(scope="package")
def mailbox() -> Iterator[Mailbox]:
    """Takes mail, as a mail server does."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    mailbox.server = f"{controller.hostname}:{controller.port}"
    yield mailbox
    controller.stop()


@pytest.fixture(scope="package")
def whoever_expects_calls() -> Iterator[Telephone]:
    """Who would notice if alerts no longer arrived."""
    with telephone() as found:
        yield found


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A topology that Prometheus watches, since when, and what Prometheus knows of it."""

    stack: RunningStack
    prometheus: Prometheus
    since: float


@pytest.fixture(scope="package")
def watched(
    mailbox: Mailbox, whoever_expects_calls: Telephone, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """Everything, watched, after load, a failover, and load again."""
    require("prometheus")
    delivery = Delivery(
        to="ops@example.com",
        sender="shop@example.com",
        server=mailbox.server,
        tls=False,
        watchdog="http://{}:{}/".format(*whoever_expects_calls.server_address),
    )
    kinds = lifecycle.EVERYTHING + lifecycle.SCHEDULED + lifecycle.MONITORING
    since = time.time()
    schedule = BackupSchedule(target=str(tmp_path_factory.mktemp("backups")), every="1h")
    settings: dict[str, Any] = {
        "nginx": program("nginx"),
        "delivery": delivery,
        "catalogue_cache_s": 1,
        "backups": schedule,
    }
    with running("127.29", kinds, without_patience, **settings) as stack:
        stack.wait_until_serving()
        trade_through_a_failover(stack)
        auth = (USER, monitoring_password(stack.layout))
        prometheus = Prometheus(url=f"http://{stack.layout.monitors['prometheus']}", auth=auth)
        yield Watched(stack=stack, prometheus=prometheus, since=since)


def without_patience(layout: Layout) -> None:
    """Alertmanager gathers alerts for a second instead of ten, and says what has changed after two instead of sixty."""
    path = layout.directory("alertmanager") / "alertmanager.yml"
    text = re.sub(r"group_wait: \w+", "group_wait: 1s", path.read_text())
    path.write_text(re.sub(r"group_interval: \w+", "group_interval: 2s", text))


def trade_through_a_failover(stack: RunningStack) -> None:
    """Sales, refusals, cancellations and replays; the primary killed in between, and an instance."""
    container = assembled(stack)
    shop, api = container.shop, f"{stack.base_url}/api/v1"
    people = [Shopper(api=api, headers=signed_in(shop)) for _ in range(4)]
    staff = Shopper(api=api, headers=signed_in(shop, Role.STAFF))
    container.close()
    product, rare = staff.new_product(1_000_000), staff.new_product(1)
    with Load(buyers=people[:2], readers=people[2:], product=product):
        variety(people[0], product, rare)
        time.sleep(LOAD)
        wait_until(lambda: stack.primary is not None)
        stack.kill(str(stack.primary))
        variety(people[0], product, rare)
        time.sleep(LOAD)
        # Requests that were with it, nginx repeats on the other one.
        stack.kill("api-1")
        wait_until(lambda: lifecycle.is_whole(stack.layout))
        variety(people[0], product, rare)
        # Counts of an instance end with it, and so these come after the last one is killed.
        of_a_purchase("/api/v1/returns/", staff, product)
        time.sleep(SETTLING)


def variety(buyer: Shopper, product: str, rare: str) -> None:
    """What a shop sees on any day: refusals, a key used twice, a change of mind, things that are not there."""
    for _ in range(3):
        buyer.buy(rare)
        key = uuid.uuid4().hex
        bought = [buyer.buy(product, key=key) for _ in range(2)]
        buyer.post(f"/purchases/{bought[0].json()['id']}/cancel/")
        buyer.get("/products/nowhere/")
        for _ in range(2):
            httpx.get(f"{buyer.api}/products/").raise_for_status()
