"""Passwords are rotated while clients read and write, and nothing fails."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from agents.secrets import Secrets
from devstack import lifecycle
from devstack.denials import forget_denials
from devstack.temporary import RunningStack, running
from exactly_once.client import Nodes, run_once
from exactly_once.errors import NotExecuted
from operations import store_users
from operations.password_rotation import Rotation, RotationFailed, overwrite
from shop.bootstrap import Configuration, Container
from tests.samples import registered
from tests.stack_fixtures import wait_until

CLIENTS = 4


@pytest.fixture(scope="module")
def store() -> Iterator[RunningStack]:
    with running("127.37", lifecycle.DATA_ONLY) as started:
        started.wait_until_whole()
        yield started


def rotation(store: RunningStack, nodes: Nodes) -> Rotation:
    layout = store.layout
    return Rotation(
        files=layout.secrets,
        store=layout.settings.store,
        primary_name=layout.settings.primary_name,
        data_nodes=list(layout.redis.values()),
        sentinels=list(layout.sentinels.values()),
        nodes=nodes,
    )


def rotate(store: RunningStack) -> None:
    with closing(Nodes(credentials=store.layout.operator)) as nodes:
        rotation(store, nodes).run(lambda line: None)


def container(store: RunningStack) -> Container:
    layout = store.layout
    return Container(
        Configuration(
            store=layout.settings.store,
            master_name=layout.settings.primary_name,
            sentinels=[tuple(address) for address in layout.sentinels.values()],
            credentials=layout.secrets.credentials(store_users.API),
        )
    )


class Load:
    """Clients that write and read until the block ends, each now and then over new connections."""

    def __init__(self, store: RunningStack) -> None:
        self._store, self._is_over = store, threading.Event()
        self.failures: list[Exception] = []
        self.requests = 0

    @contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            # A new one has no connections: each has to authenticate.
            with closing(container(self._store)) as made:
                self._use(made)

    def _use(self, made: Container) -> None:
        for _ in range(5):
            try:
                user = registered(made.shop)
                assert made.shop.users.get(user.id).id == user.id
                self.requests += 2
            except Exception as error:
                self.failures.append(error)


def test_no_request_fails_while_all_passwords_are_replaced(store):
    files = store.layout.secrets
    former = store_users.read_passwords(files)
    with Load(store).running() as load:
        rotate(store)
    assert load.failures == []
    assert load.requests > 20
    assert not set(former.values()) & set(store_users.read_passwords(files).values())


def test_a_former_password_is_not_accepted(store, tmp_path):
    former = store.layout.secrets.password("api")
    rotate(store)
    overwrite(tmp_path / "redis_password_api", former)
    with pytest.raises(NotExecuted, match="invalid username-password"):
        run_once(
            store.layout.redis["redis-1"],
            ("PING",),
            credentials=Secrets(tmp_path).credentials("api"),
        )
    forget_denials(store.layout)


def test_servers_that_fail_over_and_restart_after_a_rotation_have_the_new_passwords(store):
    rotate(store)
    former = store.primary
    store.kill(former)
    wait_until(lambda: store.primary not in (None, former))
    store.wait_until_whole()
    store.restart("sentinel-1")
    store.wait_until_whole()


def test_a_rotation_that_failed_is_completed_by_the_next_one(store, tmp_path):
    former = store.layout.secrets.password("api")
    store.stop("sentinel-3")
    with pytest.raises(RotationFailed, match="rotate again"):
        rotate(store)
    store.start("sentinel-3")
    lifecycle.wait_until_part(store.layout, "sentinel-3")
    rotate(store)
    overwrite(tmp_path / "redis_password_api", former)
    credentials = Secrets(tmp_path).credentials("api")
    for address in (*store.layout.redis.values(), *store.layout.sentinels.values()):
        with pytest.raises(NotExecuted, match="invalid username-password"):
            run_once(address, ("PING",), credentials=credentials)
    forget_denials(store.layout)
    with closing(container(store)) as made:
        registered(made.shop, email="after@a-rotation.example")
