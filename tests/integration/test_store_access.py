"""What each user of data nodes and Sentinels may not do, and the rotation of their passwords, on real servers."""

import re
import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest

from agents.secrets import Secrets
from devstack import lifecycle, secrets
from devstack.denials import forget_denials
from devstack.temporary import RunningStack, running
from exactly_once import client
from exactly_once.client import Address, Node
from exactly_once.errors import NotExecuted
from operations import store_users
from tests.stack_fixtures import primary_of
from tests.store_access import run_once

#: Commands that erase or take over a server, read what is not the caller's, or make it useless for others.
DANGEROUS = {
    "flush": ("FLUSHALL",),
    "flush one": ("FLUSHDB",),
    "list all keys": ("KEYS", "*"),
    "choose another database": ("SELECT", "1"),
    "write a file anywhere": ("CONFIG", "SET", "dir", "/tmp"),
    "read passwords": ("CONFIG", "GET", "masterauth"),
    "change users": ("ACL", "SETUSER", "default", "on", "nopass"),
    "list users": ("ACL", "LIST"),
    "end": ("SHUTDOWN", "NOSAVE"),
    "forget scripts": ("SCRIPT", "FLUSH"),
    "load functions": ("FUNCTION", "LOAD", "#!lua name=evil"),
    "follow another": ("REPLICAOF", "127.0.0.1", "9"),
    "follow another, by its former name": ("SLAVEOF", "127.0.0.1", "9"),
    "fail over": ("FAILOVER", "ABORT"),
    "watch others": ("MONITOR",),
    "list clients": ("CLIENT", "LIST"),
    "cut others off": ("CLIENT", "KILL", "TYPE", "normal"),
    "hold others up": ("CLIENT", "PAUSE", "1"),
    "copy everything": ("SYNC",),
    "move a key away": ("MIGRATE", "127.0.0.1", "9", "{evergreen}:x", "0", "1"),
    "read a key as a file": ("DUMP", "another"),
    "swap databases": ("SWAPDB", "0", "1"),
    "rewrite its file": ("BGREWRITEAOF",),
    "save": ("SAVE",),
    "read a key of another store": ("GET", "{another}:revision"),
    "write a key without a store": ("SET", "another", "x"),
    "write to a key of another store by a script": ("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, "another"),
    "publish to the Sentinels": ("PUBLISH", "__sentinel__:hello", "x"),
}
#: What a user needs, of the above.
NEEDED = {
    "backup": {"copy everything"},
    "node": {"follow another", "hold others up", "read passwords", "rewrite its file", "write a file anywhere"},
    "exporter": {"read passwords"},
    "sentinel": {
        "follow another",
        "follow another, by its former name",
        "cut others off",
        "publish to the Sentinels",
    },
    "replica": set(),
    "api": set(),
    "cache": set(),
}
#: Lines of a Sentinel's configuration that a version without users did not write.
FROM_THIS_VERSION = re.compile(r"^(?:aclfile|sentinel (?:auth|sentinel)-(?:user|pass)) ")
ON_SENTINELS = {
    "forget the primary": ("SENTINEL", "REMOVE", "evergreen"),
    "watch another primary": ("SENTINEL", "MONITOR", "evil", "127.0.0.1", "9", "1"),
    "forget replicas": ("SENTINEL", "RESET", "*"),
    "change users": ("ACL", "SETUSER", "default", "on", "nopass"),
    "end": ("SHUTDOWN", "NOSAVE"),
    "set the password for others": ("SENTINEL", "CONFIG", "SET", "sentinel-pass", "x"),
    "rewrite its file": ("SENTINEL", "FLUSHCONFIG"),
    "cut others off": ("CLIENT", "LIST"),
}


@pytest.fixture(scope="module")
def store() -> Iterator[RunningStack]:
    """Nodes and Sentinels with the rules of a store as `make run` has them."""
    with running("127.37", lifecycle.DATA_ONLY) as started:
        started.wait_until_whole()
        yield started


@pytest.fixture
def denied(store: RunningStack) -> Iterator[None]:
    """Whatever a test has denied on purpose is forgotten."""
    yield
    forget_denials(store.layout)


def refusal(store: RunningStack, address: Address, user: str, *command: str | int) -> str:
    with closing(Node(address, credentials=store.layout.secrets.credentials(user))) as node:
        (reply,) = node.replies(command, timeout=1)
    return type(reply).__name__


@pytest.mark.parametrize("user", NEEDED)
def test_every_dangerous_command_is_denied_to_a_user_that_does_not_need_it(store, denied, user):
    address = store.layout.redis["redis-1"]
    commands = {what: command for what, command in DANGEROUS.items() if what not in NEEDED[user]}
    refusals = {what: refusal(store, address, user, *command) for what, command in commands.items()}
    assert set(refusals.items()) == {(what, "NoPermissionError") for what in commands}


@pytest.mark.parametrize("command", [("MODULE", "LOAD", "/tmp/module.so"), ("DEBUG", "SLEEP", "0")])
def test_no_user_may_load_modules_or_debug(store, denied, command):
    address = store.layout.redis["redis-1"]
    refusals = {user: refusal(store, address, user, *command) for user in store_users.USERS}
    assert set(refusals.values()) <= {"NoPermissionError", "ResponseError"}, refusals


@pytest.mark.parametrize("user", ["api", "cache", "exporter", "backup", "sentinel", "node"])
def test_no_user_takes_a_sentinel_over(store, denied, user):
    address = store.layout.sentinels["sentinel-1"]
    refusals = {what: refusal(store, address, user, *command) for what, command in ON_SENTINELS.items()}
    assert set(refusals.items()) == {(what, "NoPermissionError") for what in ON_SENTINELS}


@pytest.mark.parametrize("name", ["redis-1", "sentinel-1"])
@pytest.mark.parametrize("command", [("PING",), ("INFO",), ("GET", "x"), ("FLUSHALL",), ("SENTINEL", "MASTERS")])
def test_who_has_no_password_may_do_nothing(store, denied, name, command):
    address = {**store.layout.redis, **store.layout.sentinels}[name]
    with pytest.raises(Exception, match="Authentication required"):
        client.run_once(address, command)


def test_a_wrong_password_is_no_connection(store, denied, tmp_path):
    (tmp_path / "redis_password_api").write_text("a guess")
    credentials = Secrets(tmp_path).credentials("api")
    with pytest.raises(NotExecuted, match="invalid username-password"):
        client.run_once(store.layout.redis["redis-1"], ("PING",), credentials=credentials)


def test_the_lists_hold_no_password(store):
    files = store.layout.secrets
    texts = files.node_rules.read_text() + files.sentinel_rules.read_text()
    assert not [user for user in store_users.USERS if files.password(user) in texts]
    assert {path.stat().st_mode & 0o077 for path in files.directory.iterdir()} == {0}


def test_a_data_directory_of_a_version_without_users_starts_with_them(store):
    layout = store.layout
    run_once(layout.redis[primary_of(store)], ("SET", "{evergreen}:old", "1"), ("WAIT", 2, 5000), timeout=6)
    store.stop(*layout.sentinels, *layout.redis)
    shutil.rmtree(layout.secrets.directory)
    for name in layout.sentinels:
        file = layout.directory(name) / "sentinel.conf"
        lines = file.read_text().splitlines()
        file.write_text("\n".join(line for line in lines if not FROM_THIS_VERSION.search(line)))
    secrets.write_all(layout)
    store.start(*layout.redis, *layout.sentinels)
    store.wait_until_whole()
    assert run_once(layout.redis[primary_of(store)], ("GET", "{evergreen}:old")) == ["1"]
    with pytest.raises(Exception, match="Authentication required"):
        client.run_once(layout.redis["redis-1"], ("PING",))
