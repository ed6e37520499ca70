"""The drill: backups off the machine while people buy, everything destroyed, and a new topology that goes on from the
newest with nothing but the bucket, the secret key and the identity of age."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pyrage
import pytest

from devstack import lifecycle, supervision
from devstack.layout import Layout
from devstack.temporary import RunningStack, running
from shop.domain.callers import Role
from shop.management.commands import create_staff
from shop.seeding import madeup
from shop.seeding.madeup import Numbers
from tests.integration.auditing import seeded
from tests.object_store import BUCKET, ObjectStore, serving
from tests.stack_fixtures import wait_until
from tests.system.shopping import Load, Shopper, all_purchases, assembled, signed_in

ROOT = Path(__file__).resolve().parents[2]
STOCK = 100_000
IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
PLAN_PURCHASES = 300
PLAN = madeup.plan(Numbers(users=20, products=200, purchases=PLAN_PURCHASES, seed=9))


def manage(stack: RunningStack, *words: object, **environment: str) -> str:
    """The output of a command of `manage.py`, which succeeds."""
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **stack.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def destroy(stack: RunningStack) -> None:
    """Ends every process at once, the supervisor first; the directories go with the context."""
    pids = [process.pid for process in supervision.processes(stack.layout).values()]
    stack.supervisor.kill()
    for pid in filter(None, pids):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def backups(tmp_path):
    return tmp_path / "backups"


@pytest.fixture
def objects():
    with serving() as found:
        yield found


def shop_under_load(stack: RunningStack, target: str, **variables: str) -> tuple[list[str], list[str], Load]:
    """The purchases that had been acknowledged when the backups were begun, and once they were there; and the load."""
    container = assembled(stack)
    seeded(container, PLAN)
    api = f"{stack.base_url}/api/v1"
    staff = Shopper(api=api, headers=signed_in(container.shop, Role.STAFF))
    people = [Shopper(api=api, headers=signed_in(container.shop)) for _ in range(6)]
    load = Load(buyers=people[:4], readers=people[4:], product=staff.new_product(stock=STOCK))
    with load:
        wait_until(lambda: len(load.bought) >= 50 or bool(load.failures))
        before = list(load.bought)
        for _ in range(3):
            manage(stack, "backup", target, "--keep", 1, EVERGREEN_BACKUP_RECIPIENTS=RECIPIENT, **variables)
        after = list(load.bought)
        wait_until(lambda: len(load.bought) >= len(after) + 50 or bool(load.failures))
    container.close()
    return before, after, load


def unlocked(objects: ObjectStore, folder: Path) -> tuple[Path, Path]:
    """The file of the identity, and what is in the newest backup, which only that opens."""
    key, encrypted, plain = folder / "key.txt", folder / "backup.tar.age", folder / "backup.tar"
    key.write_text(str(IDENTITY))
    with objects.target("shop").open("newest") as stream:
        encrypted.write_bytes(stream.read())
    pyrage.decrypt_file(str(encrypted), str(plain), [IDENTITY])
    return key, plain


def test_a_shop_that_was_destroyed_goes_on_elsewhere_from_the_newest_backup_in_a_bucket(objects, tmp_path):
    target, variables = f"s3://{BUCKET}/shop", objects.environment(tmp_path)
    with running("127.25", lifecycle.EVERYTHING) as first:
        first.wait_until_serving()
        before, after, load = shop_under_load(first, target, **variables)
        secret_key = (first.layout.run / "secret_key").read_text()
        destroy(first)
    assert load.failures == [] and len(before) < len(after)
    key, plain = unlocked(objects, tmp_path)
    with tarfile.open(plain) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))

    def install(layout: Layout) -> None:
        (layout.run / "secret_key").write_text(secret_key)

    began = time.monotonic()
    # Other addresses, another directory.
    with running("127.26", lifecycle.EVERYTHING, install) as second:
        second.wait_until_serving()
        assert "the stock invariant holds" in manage(
            second, "restore", f"{target}/newest", "--identity", key, **variables
        )
        print(f"served again {time.monotonic() - began:.1f} s after the new topology was begun")
        checked = json.loads(manage(second, "check_stock", "--json"))
        assert checked["ok"] and {kind: checked[kind] for kind in manifest["counts"]} == manifest["counts"]
        api = f"{second.base_url}/api/v1"
        # By the tokens from before.
        buyers = [Shopper(api=api, headers=buyer.headers) for buyer in load.buyers]
        restored = {id for buyer in buyers for id in all_purchases(buyer, load.product)}
        assert set(before) <= restored <= set(load.bought)
        assert len(restored) == manifest["counts"]["purchases"] - PLAN_PURCHASES
        assert buyers[0].buy(load.product).status_code == 201
        assert buyers[0].stock(load.product) == STOCK - len(restored) - 1


def test_a_restored_shop_makes_no_second_staff_account(backups):
    with running("127.25", lifecycle.EVERYTHING) as first:
        first.wait_until_serving()
        account = lifecycle.first_staff_account(first.layout, os.environ)
        manage(first, "backup", backups)
    with running("127.25", lifecycle.EVERYTHING) as second:
        second.wait_until_serving()
        manage(second, "restore", next(backups.iterdir()))
        assert lifecycle.first_staff_account(second.layout, os.environ) is None
        assert account and lifecycle.EMAIL_TAKEN == create_staff.TAKEN
