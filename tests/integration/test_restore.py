"""An empty topology that gets everything back, and what may come between."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pyrage
import pytest

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from operations import bootstrap
from operations.backup.backups import Backups, OpenedBackup
from operations.backup.encryption import encrypt
from operations.backup.restore import RestoreFailed
from operations.backup.snapshot import Snapshot
from shop.bootstrap import Configuration, Container
from shop.domain.purchases import PurchaseQuery
from shop.repositories.keys import Keys
from shop.seeding import madeup
from shop.seeding.madeup import Numbers
from shop.services.audit import command_request
from tests.integration.auditing import found, on_primary, seeded
from tests.samples import a_product, a_request, again, in_catalogue
from tests.stack_fixtures import wait_until
from tests.store_access import run_once

ROOT = Path(__file__).resolve().parents[2]
STORE = "restored"
PLAN = madeup.plan(Numbers(users=20, products=1100, purchases=300, seed=5))


@pytest.fixture(scope="module")
def data_tier() -> Iterator[RunningStack]:
    """Nodes and Sentinels that only these tests empty."""
    with running("127.18", lifecycle.DATA_ONLY) as started:
        started.wait_until_whole()
        yield started


def assembled(stack: RunningStack) -> closing[Container]:
    layout = stack.layout
    configuration = Configuration(
        store=STORE,
        master_name=layout.settings.primary_name,
        sentinels=[tuple(address) for address in layout.sentinels.values()],
        credentials=layout.operator,
    )
    return closing(Container(configuration))


@pytest.fixture
def container(data_tier) -> Iterator[Container]:
    """A shop in a topology in which nothing is."""
    data_tier.wait_until_whole()
    with assembled(data_tier) as made:
        on_primary(made, ("FLUSHALL",))
        yield made


@pytest.fixture(scope="module")
def backup(data_tier) -> bytes:
    """A backup of a store with large keys and keys that expire."""
    with assembled(data_tier) as made:
        seeded(made, PLAN)
        product = in_catalogue(made.shop, stock=3)
        request = command_request(shop=made.shop, command="a_command", timeout_s=20)
        made.shop.products.adjust_stock(request, product.id, 1, None)
        made.journal.append_checkpoint(a_request())
        stream = io.BytesIO()
        with backups().take(bootstrap.snapshots(made)) as taken:
            taken.write(stream)
    return stream.getvalue()


def backups() -> Backups:
    return Backups(keys=Keys(STORE), store=STORE, program="")


@contextmanager
def opened(backup: bytes) -> Iterator[OpenedBackup]:
    with backups().open(io.BytesIO(backup)) as found:
        yield found


def restore(container: Container, backup: bytes, within: Callable[[Snapshot], object] | None = None) -> None:
    with opened(backup) as found:
        snapshot = within(found.snapshot) if within else found.snapshot
        bootstrap.restorer(container).restore(snapshot, lambda what: None)


class Interrupted:
    """A snapshot in the middle of whose reading something happens."""

    def __init__(self, snapshot: Snapshot, happen: Callable[[], object]) -> None:
        self._snapshot = snapshot
        self._happen = happen
        self._asked = 0

    def names(self) -> frozenset[str]:
        return self._snapshot.names()

    def replies(self, commands) -> Iterator:
        self._asked += 1
        if self._asked == 12:
            self._happen()
        return self._snapshot.replies(commands)


def encrypted(backup: bytes, identity: pyrage.x25519.Identity) -> bytes:
    stream = io.BytesIO()
    encrypt(iter([backup]), stream, [str(identity.to_public())])
    return stream.getvalue()


def sizes(stack: RunningStack) -> list[tuple[int, int]]:
    """How many keys each node has, in the shop's database and in the one beside it."""
    commands = ("SELECT", "0"), ("DBSIZE",), ("SELECT", "1"), ("DBSIZE",)
    answers = [run_once(address, *commands) for address in stack.layout.redis.values()]
    return [(answer[1], answer[3]) for answer in answers]


def contents(snapshot: Snapshot, soon: float) -> dict[str, object]:
    """Everything that does not expire while it is looked at, with the instants at which it does."""
    reading = {b"string": "GET", b"hash": "HGETALL", b"set": "SMEMBERS", b"zset": "ZRANGE", b"stream": "XRANGE"}
    listed = sorted(snapshot.names())
    lasting = snapshot.replies(("PEXPIRETIME", name) for name in listed)
    names = [name for name, expiry in zip(listed, lasting, strict=True) if expiry == -1 or expiry > soon]
    kinds = list(snapshot.replies(("TYPE", name) for name in names))
    limits = {"ZRANGE": (0, -1, "WITHSCORES"), "XRANGE": ("-", "+")}
    values = snapshot.replies(
        (reading[kind], name, *limits.get(reading[kind], ())) for name, kind in zip(names, kinds, strict=True)
    )
    expiries = snapshot.replies(("PEXPIRETIME", name) for name in names)
    return {
        name: (kind, expiry, value if kind == b"string" else sorted(in_pairs(value, kind)))
        for name, kind, value, expiry in zip(names, kinds, values, expiries, strict=True)
    }


def in_pairs(value: Sequence[bytes], kind: bytes) -> Sequence:
    return value if kind in (b"set", b"stream") else list(zip(value[::2], value[1::2], strict=True))


def command(stack: RunningStack, *words: object, data: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Exit status, output and what was said, of a command of `manage.py`."""
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **stack.environment, "EVERGREEN_STORE": STORE, **environment},
        input=data,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_every_key_is_as_it_was_and_on_every_node(data_tier, backup, container):
    restore(container, backup)
    with opened(backup) as before, bootstrap.snapshots(container).take() as after:
        soon = 1000 * (time.time() + 60)
        kept = contents(after, soon)
        assert kept == contents(before.snapshot, soon)
        assert {kind for kind, *_ in kept.values()} == {b"string", b"hash", b"set", b"zset", b"stream"}
        assert any(expiry > 0 for _, expiry, _ in kept.values())
    assert len(set(sizes(data_tier))) == 1 and sizes(data_tier)[0][1] == 0
    assert found(container) == []


def test_the_shop_goes_on_in_what_was_restored(backup, container):
    restore(container, backup)
    (revision,) = on_primary(container, ("GET", container.keys.revision))
    apple = in_catalogue(container.shop, stock=3)
    assert container.shop.products.get(apple.id).stock == 3
    assert len(container.shop.purchases.page(PurchaseQuery(), 100, None).results) == 100
    assert on_primary(container, ("GET", container.keys.revision)) == [str(int(revision) + 1)]
    assert found(container) == []


def test_the_audit_that_was_restored_is_whole_and_goes_on(backup, container):
    restore(container, backup)
    request = command_request(shop=container.shop, command="a_command", timeout_s=20)
    container.shop.users.revoke_every_token(request, container.shop.clock.now())
    check = container.journal.check()
    assert (check.count, check.last.sequence, check.break_found) == (3, 3, None)


def test_what_was_restored_is_still_there_after_everything_was_killed(data_tier, backup, container):
    restore(container, backup)
    before = {name: data_tier.kill(name) for name in (*data_tier.layout.redis, *data_tier.layout.sentinels)}
    wait_until(lambda: all(data_tier.pid(name) not in (0, pid) for name, pid in before.items()))
    data_tier.wait_until_whole()
    assert found(container) == []


def test_a_primary_killed_in_the_middle_leaves_an_empty_store_and_the_next_try_fills_it(data_tier, backup, container):
    def kill() -> None:
        former = data_tier.primary
        data_tier.kill(former)
        wait_until(lambda: data_tier.primary not in (None, former))

    with pytest.raises(RestoreFailed, match="still empty"):
        restore(container, backup, lambda snapshot: Interrupted(snapshot, kill))
    data_tier.wait_until_whole()
    wait_until(lambda: len(set(sizes(data_tier))) == 1)
    assert sizes(data_tier)[0][0] == 0 and sizes(data_tier)[0][1] > 0
    restore(container, backup)
    assert sizes(data_tier)[0][0] > 0 and sizes(data_tier)[0][1] == 0
    assert found(container) == []


def test_a_store_that_somebody_writes_to_in_the_middle_keeps_what_they_wrote_and_nothing_else(backup, container):
    def write() -> None:
        in_catalogue(container.shop, stock=3)

    with pytest.raises(RestoreFailed, match="not empty"):
        restore(container, backup, lambda snapshot: Interrupted(snapshot, write))
    with bootstrap.snapshots(container).take() as after:
        assert next(after.replies([("HLEN", container.keys.product_ids)])) == 1
    assert found(container) == []


def test_two_restores_at_once_do_not_mix(backup, container):
    with pytest.raises(RestoreFailed, match="another"):
        restore(container, backup, lambda snapshot: Interrupted(snapshot, lambda: restore_aside(container)))
    assert on_primary(container, ("DBSIZE",)) == [0]


def restore_aside(container: Container) -> None:
    """What another restore does at first, in the database beside the shop's."""
    on_primary(container, ("SELECT", 1), ("SET", container.keys.restoring, "another one"), ("SELECT", 0))


def test_what_is_in_the_other_database_and_of_no_restore_is_not_touched(data_tier, backup, container):
    on_primary(container, ("SELECT", 1), ("SET", "somebody's", "own"), ("SELECT", 0))
    with pytest.raises(RestoreFailed, match="Database 1"):
        restore(container, backup)
    assert set(sizes(data_tier)) == {(0, 1)}


def test_a_topology_that_is_not_whole_is_not_restored_into(data_tier, backup, container):
    data_tier.stop("sentinel-2")
    try:
        with pytest.raises(RestoreFailed, match="doctor"):
            restore(container, backup)
    finally:
        data_tier.start("sentinel-2")
    assert set(sizes(data_tier)) == {(0, 0)}


def test_a_key_that_no_shop_writes_is_refused_by_name(data_tier, backup, container):
    seeded(container, madeup.plan(Numbers(users=2, products=2, purchases=0, seed=5)))
    on_primary(container, ("RPUSH", f"{{{STORE}}}:list", "a"))
    _, foreign, _ = backed_up(data_tier)
    on_primary(container, ("FLUSHALL",))
    status, _, said = command(data_tier, "restore", "-", data=foreign)
    assert (status, f"{{{STORE}}}:list is a list" in said) == (2, True)
    assert on_primary(container, ("DBSIZE",)) == [0]


def backed_up(stack: RunningStack) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "manage.py", "backup", "-"],
        cwd=ROOT,
        env={**os.environ, **stack.environment, "EVERGREEN_STORE": STORE},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_says_what_is_there_again_and_refuses_to_do_it_twice(data_tier, backup, container, tmp_path):
    file = tmp_path / "backup.tar"
    file.write_bytes(backup)
    status, out, _ = command(data_tier, "restore", file)
    assert (status, out.startswith("Restored 20 users, 1,101 products, 300 purchases, as of 20")) == (0, True)
    assert "the stock invariant holds, and every index is right." in out
    status, _, said = command(data_tier, "restore", file)
    assert (status, "The store is not empty" in said) == (2, True)
    assert found(container) == []


@pytest.mark.parametrize(
    ("data", "environment", "reason"),
    [
        (b"no backup", {}, "it is no backup"),
        (None, {"EVERGREEN_STORE": "other"}, "set EVERGREEN_STORE=restored"),
        (None, {"EVERGREEN_REDIS_SERVER": "/bin/false"}, "EVERGREEN_REDIS_SERVER"),
        (None, {"REDIS_SENTINEL": "127.0.0.1:1"}, "No store answers"),
    ],
)
def test_what_cannot_be_restored_leaves_the_store_empty(data_tier, backup, container, data, environment, reason):
    status, out, said = command(data_tier, "restore", "-", data=data or backup, **environment)
    assert (status, out, reason in said, "Traceback" in said) == (2, "", True, False)
    assert set(sizes(data_tier)) == {(0, 0)}


def test_a_file_that_is_not_there_is_said_to_be_missing(data_tier, container):
    status, _, said = command(data_tier, "restore", "/nowhere/backup.tar")
    assert (status, "No such file" in said) == (2, True)


def test_a_backup_of_a_store_in_which_something_was_wrong_is_restored_and_says_so(data_tier, container):
    seeded(container, madeup.plan(Numbers(users=2, products=2, purchases=0, seed=5)))
    on_primary(container, ("HINCRBY", container.keys.product(assembly_product(container)), "stock", 1))
    _, wrong, _ = backed_up(data_tier)
    on_primary(container, ("FLUSHALL",))
    status, _, said = command(data_tier, "restore", "-", data=wrong)
    assert (status, "1 violations in it, stock-law" in said) == (1, True)
    assert found(container) == ["stock-law"]


def assembly_product(container: Container) -> str:
    """The id of some product."""
    (ids,) = on_primary(container, ("HVALS", container.keys.product_ids))
    return ids[0]


def test_a_request_that_was_answered_before_the_backup_is_answered_the_same_after_the_restore(data_tier, container):
    shop, request = container.shop, a_request()
    made = shop.products.create(request, a_product(shop))
    _, taken, _ = backed_up(data_tier)
    on_primary(container, ("FLUSHALL",))
    assert command(data_tier, "restore", "-", data=taken)[0] == 0
    repeated = shop.products.create(again(request), a_product(shop))
    assert (repeated.value.id, repeated.origin_request_id) == (made.value.id, request.id)
    assert on_primary(container, ("HLEN", container.keys.product_ids)) == [1]


def test_an_encrypted_backup_is_restored_with_the_right_identity_and_with_no_other(
    data_tier, backup, container, tmp_path
):
    identity, key = pyrage.x25519.Identity.generate(), tmp_path / "key.txt"
    sent = encrypted(backup, identity)
    for other, reason in (
        (pyrage.x25519.Identity.generate(), "No identity in the file opens it"),
        ("nothing", "no identity of age"),
    ):
        key.write_text(str(other))
        status, _, said = command(data_tier, "restore", "-", "--identity", key, data=sent)
        assert (status, reason in said, "Traceback" in said) == (2, True, False)
    key.write_text(str(identity))
    status, _, said = command(data_tier, "restore", "-", "--identity", key, data=sent[:-1])
    assert (status, "Nothing was restored" in said, set(sizes(data_tier))) == (2, True, {(0, 0)})
    assert command(data_tier, "restore", "-", "--identity", key, data=sent)[0] == 0
    assert found(container) == []
