"""Instances whose clocks are wrong: no write fails, and the wrong clocks are named."""

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import httpx
import pytest

from devstack import lifecycle
from devstack.layout import Layout
from devstack.temporary import RunningStack, running
from shop.domain.callers import Role
from tests.stack_fixtures import instance_client, wait_until
from tests.system.shopping import Shopper, assembled, signed_in
from tests.system.test_doctor import doctor_lines, send, with_workers

#: Seconds by which the clocks of the instances are ahead.
SKEWS = {"api-1": 120, "api-2": -120}
CLIENTS, WRITES = 8, 400


def skew_clocks(layout: Layout) -> None:
    """Let Python's time.time() be wrong in each instance."""
    path = layout.run / "supervisord.conf"
    text = path.read_text()
    for name, ahead_s in SKEWS.items():
        directory = layout.run / f"clock-{name}"
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(
            f"import time\n\nright = time.time\ntime.time = lambda: right() + {ahead_s}\n"
        )
        section = rf"(\[program:{name}\][^\[]*?\nenvironment=)"
        text = re.sub(section, rf'\g<1>PYTHONPATH="{directory}",', text)
    path.write_text(text)


@pytest.fixture(scope="module")
def skewed() -> Iterator[RunningStack]:
    """A topology in which no instance's clock agrees with nginx's."""
    with running("127.34", lifecycle.EVERYTHING, skew_clocks) as started:
        started.wait_until_serving()
        yield started


@dataclass(frozen=True)
class Shop:
    """A customer, and a product with enough stock."""

    customer: Shopper
    product: str

    def sell(self, number: int) -> list[httpx.Response]:
        """The answers to so many purchases of one each, CLIENTS at once."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(lambda _: self.customer.buy(self.product), range(number)))

    def stock(self) -> int:
        return int(self.customer.get(f"/products/{self.product}/").json()["stock"])


@pytest.fixture(scope="module")
def shop(skewed: RunningStack) -> Shop:
    with closing(assembled(skewed)) as container:
        staff = Shopper(api=f"{skewed.base_url}/api/v1", headers=signed_in(container.shop, Role.STAFF))
        customer = Shopper(api=staff.api, headers=signed_in(container.shop))
    return Shop(customer, staff.new_product(10 * WRITES))


@pytest.fixture(scope="module")
def answers(shop: Shop) -> list[httpx.Response]:
    """What many clients got for their writes, from the first one on."""
    return shop.sell(WRITES)


def metric(stack: RunningStack, instance: str, name: str) -> float:
    with instance_client(stack.layout.socket(instance)) as client:
        text = client.get("/metrics").text
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{re.escape(name)}[ {{]", line)
    )


def not_begun(stack: RunningStack, instance: str) -> float:
    return metric(stack, instance, 'evergreen_requests_not_tried_total{reason="hung-up"}')


def test_no_write_fails(answers):
    assert [answer.text for answer in answers if answer.status_code != 201] == []


def test_no_instance_refused_a_write_for_its_age(skewed, answers):
    assert [metric(skewed, name, "evergreen_requests_not_tried_total") for name in SKEWS] == [0, 0]


def test_each_instance_reports_how_far_its_clock_is_from_that_of_nginx(skewed, answers):
    def reported() -> dict[str, float]:
        httpx.get(f"{skewed.base_url}/livez")
        return {name: metric(skewed, name, "evergreen_clock_ahead_seconds") for name in SKEWS}

    wait_until(lambda: reported() == pytest.approx(SKEWS, abs=1))


def test_the_doctor_names_each_instance_whose_clock_is_wrong(skewed):
    wrong = {line["subject"]: line["finding"] for line in doctor_lines(skewed) if line["check"] == "clock"}
    assert {name for name in wrong if name} == set(SKEWS)
    assert ("ahead of" in wrong["api-1"], "behind" in wrong["api-2"]) == (True, True)


def test_an_instance_that_wakes_up_begins_no_write_that_nginx_took_elsewhere(skewed, shop):
    before, asleep = shop.stock(), with_workers(skewed.pid("api-1"))
    send(asleep, signal.SIGSTOP)
    try:
        answers = shop.sell(2 * CLIENTS)
    finally:
        send(asleep, signal.SIGCONT)
    assert {answer.status_code for answer in answers} == {201}
    wait_until(lambda: not_begun(skewed, "api-1") > 0)
    assert before - shop.stock() == len(answers)
