import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pyrage
import pytest

from tests.integration.auditing import PLAN, a_shop, on_primary, seeded
from tests.samples import registered
from tests.stack_fixtures import wait_until

ROOT = Path(__file__).resolve().parents[2]
CONTENTS = "4 users, 12 products, 20 purchases"
PRODUCT = PLAN.products.ids[0]


@pytest.fixture
def container(redis_stack):
    with a_shop(redis_stack) as made:
        seeded(made)
        yield made


def store_of(container) -> str:
    return container.keys.revision.partition("}")[0].removeprefix("{")


@pytest.fixture
def start(redis_stack, container):
    """Starts `manage.py backup` with these words."""

    def started(*words: object, stdin=None, stdout=subprocess.PIPE, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "backup", *map(str, words)],
            cwd=ROOT,
            env={**os.environ, **redis_stack.environment, "EVERGREEN_STORE": store_of(container), **environment},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    return started


@pytest.fixture
def run(start):
    """Runs it, and returns exit status, output and what was said about it."""

    def ran(*words: object, data: bytes = b"", **environment: str) -> tuple[int, bytes, str]:
        process = start(*words, stdin=subprocess.PIPE, **environment)
        out, said = process.communicate(data)
        return process.returncode, out, said.decode()

    return ran


def test_a_backup_in_a_directory_is_one_file_that_can_be_verified(run, tmp_path):
    status, out, _ = run(tmp_path / "backups")
    (path,) = (tmp_path / "backups").iterdir()
    assert status == 0
    assert re.fullmatch(rf"{path}: {CONTENTS}, [\d.]+ MB, copied from [\d.:]+, in [\d.]+ s\n", out.decode())
    status, out, _ = run("--verify", path, REDIS_SENTINEL="127.0.0.1:1")
    assert (status, out.decode().partition(" as of")[0]) == (0, f"{path}: {CONTENTS}")


def test_it_is_copied_from_a_replica(redis_stack, run, tmp_path):
    _, out, _ = run(tmp_path)
    source = re.search(rb"copied from ([\d.:]+),", out)[1].decode()
    assert source in [str(node.address) for node in redis_stack.nodes.values() if not node.is_primary]


def test_a_backup_has_every_write_that_was_acknowledged_before(container, run, tmp_path):
    for _ in range(3):
        registered(container.shop)
    _, out, _ = run(tmp_path)
    assert b"7 users" in out


def test_a_stream_holds_the_same_and_can_be_verified_as_it_comes(run):
    status, backup, said = run("-")
    assert (status, CONTENTS in said) == (0, True)
    status, out, _ = run("--verify", "-", data=backup)
    assert (status, out.decode().startswith(f"-: {CONTENTS} as of")) == (0, True)


def test_a_backup_that_was_changed_is_not_to_be_relied_on(run):
    _, backup, _ = run("-")
    changed = backup.replace(b'"purchases": 20', b'"purchases": 21')
    for damaged, reason in (
        (changed, "its manifest says otherwise"),
        (backup[: len(backup) // 2], "the end of it is missing"),
    ):
        status, _, said = run("--verify", "-", data=damaged)
        assert (status, reason in said) == (1, True)


def test_a_backup_of_a_store_in_which_something_is_wrong_says_so_when_it_is_verified(container, run):
    on_primary(container, ("HINCRBY", container.keys.product(PRODUCT), "stock", 1))
    _, backup, _ = run("-")
    status, _, said = run("--verify", "-", data=backup)
    assert (status, "check_stock finds 2 violations" in said) == (1, True)


def test_a_backup_of_another_store_is_not_taken_for_this_ones(container, run):
    _, backup, _ = run("-")
    status, _, said = run("--verify", "-", data=backup, EVERGREEN_STORE="other")
    assert (status, f"set EVERGREEN_STORE={store_of(container)}" in said) == (1, True)


def test_no_backup_goes_to_a_terminal(start):
    ours, theirs = pty.openpty()
    process = start("-", stdout=theirs)
    _, said = process.communicate()
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 2 and b"A backup is no text" in said


def test_an_empty_store_takes_the_place_of_no_backup(run, tmp_path):
    status, _, said = run(tmp_path, "--keep", 1, EVERGREEN_STORE=f"test-{uuid4()}")
    assert (status, "The store is empty" in said, list(tmp_path.iterdir())) == (2, True, [])


@pytest.mark.parametrize(
    ("words", "environment", "reason"),
    [
        ((), {}, "Where to?"),
        (("/dev/null/backups",), {}, "No backup was made: "),
        (("backups",), {"REDIS_SENTINEL": "127.0.0.1:1"}, "No store answers"),
        (("backups",), {"EVERGREEN_REDIS_SERVER": "/bin/false"}, "EVERGREEN_REDIS_SERVER"),
        (("backups", "--keep", "0"), {}, "give 1 or more"),
        (("backups", "--every", "soon"), {}, "as in 6h"),
        (("-", "--every", "1h"), {}, "for a directory"),
        (("--verify", "/nowhere/backup.tar"), {}, "could not be looked at"),
    ],
)
def test_where_no_backup_can_be_made_it_says_why_and_exits_with_2(run, tmp_path, words, environment, reason):
    named = [str(tmp_path / word) if word == "backups" else word for word in words]
    status, out, said = run(*named, **environment)
    assert (status, out, reason in said, "Traceback" in said) == (2, b"", True, False)
    assert list(tmp_path.iterdir()) == []


def test_a_scheduled_backup_goes_on_and_keeps_the_newest(start, tmp_path):
    process = start(tmp_path, "--every", "1s", "--keep", "2")
    lines = [process.stdout.readline().decode() for _ in range(6)]
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 130
    removed = [line.partition(":")[0] for line in lines if line.endswith("removed, 2 newer ones are there\n")]
    assert removed and not any(Path(path).exists() for path in removed)
    kept = sorted(tmp_path.iterdir())
    assert 1 <= len(kept) <= 3 and all(path.suffix == ".tar" for path in kept)


def test_a_turn_that_fails_is_said_and_the_next_one_tries_again(start, tmp_path):
    in_the_way = tmp_path / "backups"
    in_the_way.touch()
    process = start(in_the_way, "--every", "1s", "--plain")
    said = process.stderr.readline().decode()
    in_the_way.unlink()
    made = process.stdout.readline().decode()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ No backup was made: .* The next turn tries again\.$", said)
    assert CONTENTS in made and len(list(in_the_way.iterdir())) == 1


def test_ended_early_it_leaves_nothing_behind(start, tmp_path):
    temporary, target = tmp_path / "temporary", tmp_path / "backups"
    temporary.mkdir()
    process = start(target, TMPDIR=str(temporary))
    wait_until(lambda: any(temporary.glob("evergreen-*/log")))
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode in (0, 130)
    assert list(temporary.iterdir()) == []
    assert not target.exists() or not list(target.glob(".*"))


@pytest.fixture
def identity(tmp_path_factory):
    """The file of a secret key, as age-keygen writes it, and the public key."""
    made = pyrage.x25519.Identity.generate()
    file = tmp_path_factory.mktemp("keys") / "key.txt"
    file.write_text(f"# public key: {made.to_public()}\n{made}\n")
    return file, str(made.to_public())


def test_a_backup_is_encrypted_to_the_recipients_and_verified_with_the_identity(run, tmp_path, identity):
    file, recipient = identity
    status, _, said = run(tmp_path / "backups", "--keep", 1, EVERGREEN_BACKUP_RECIPIENTS=recipient)
    (path,) = (tmp_path / "backups").iterdir()
    assert (status, path.name.endswith(".tar.age"), "not encrypted" in said) == (0, True, False)
    assert b"@example" not in path.read_bytes()
    status, out, _ = run("--verify", path, "--identity", file)
    assert (status, out.decode().partition(" as of")[0]) == (0, f"{path}: {CONTENTS}")


def test_an_encrypted_backup_that_was_changed_is_not_to_be_relied_on(run, identity):
    file, recipient = identity
    _, backup, _ = run("-", EVERGREEN_BACKUP_RECIPIENTS=recipient)
    for damaged, reason in (
        (backup[: len(backup) // 2], "the end of it is missing"),
        (backup[:5000] + bytes([backup[5000] ^ 1]) + backup[5001:], "altered"),
    ):
        status, _, said = run("--verify", "-", "--identity", file, data=damaged)
        assert (status, reason in said, "Traceback" in said) == (1, True, False)


def test_an_encrypted_backup_opens_with_its_identity_alone(run, identity):
    _, backup, _ = run("-", EVERGREEN_BACKUP_RECIPIENTS=str(pyrage.x25519.Identity.generate().to_public()))
    status, _, said = run("--verify", "-", data=backup)
    assert (status, "name the file with the identity" in said) == (2, True)
    status, _, said = run("--verify", "-", "--identity", identity[0], data=backup)
    assert (status, "No identity in the file opens it" in said) == (2, True)


def test_a_backup_that_is_not_encrypted_comes_with_a_warning_unless_that_is_asked_for(run):
    assert "The backup is not encrypted" in run("-")[2]
    assert "The backup is not encrypted" not in run("-", "--plain")[2]
