"""What is installed is what was locked, each file by its hash, and none of it has a known hole."""

import json
import os
import re
import secrets
import subprocess
import sys
from datetime import date

import pytest
from packaging.version import Version

from tests.architecture.sources import ROOT, written

LISTS = (
    "requirements",
    "requirements-s3",
    "requirements-embedded",
    "requirements-dev",
    "requirements-dataset",
    "requirements-clients",
)
ADVISORIES = json.loads((ROOT / "security" / "advisories.json").read_text("utf-8"))
HASH = re.compile(r"^ {4}--hash=sha256:[0-9a-f]{64}( \\)?$")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;]+)")
IMAGE = re.compile(r"\$\{\w+_IMAGE:-([a-z0-9/_-]+):v?([0-9][0-9.]*)")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(name: str) -> dict[str, str]:
    """The pins of a list that is written by hand, with those of the lists that it includes."""
    pins: dict[str, str] = {}
    for line in (ROOT / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith("-r "):
            pins |= listed(line.removeprefix("-r ").removesuffix(".txt"))
        elif match := PIN.match(line):
            pins[canonical(match[1])] = match[2]
    return pins


def locked(name: str) -> dict[str, str]:
    """The pins of a lock."""
    lines = (ROOT / f"{name}.lock").read_text("utf-8").splitlines()
    return {canonical(match[1]): match[2] for line in lines if (match := PIN.match(line))}


def unhashed(lock: str) -> list[str]:
    """The lines of a lock that are neither a hash nor a pin with a hash below it."""
    lines = lock.splitlines()
    following = [*lines[1:], ""]
    return [
        line
        for line, next_line in zip(lines, following, strict=True)
        if not HASH.match(line) and not (PIN.match(line) and line.endswith("\\") and HASH.match(next_line))
    ]


def images() -> dict[str, str]:
    """The version of each image that compose.yml pins."""
    found = IMAGE.findall((ROOT / "deploy" / "compose.yml").read_text("utf-8"))
    return {f"image:{name.rpartition('/')[2]}": version for name, version in found}


def pins() -> dict[str, str]:
    return {**images(), **{name: version for each in LISTS for name, version in locked(each).items()}}


@pytest.mark.parametrize("name", LISTS)
def test_a_lock_has_every_pin_of_its_list(name):
    assert listed(name).items() <= locked(name).items()


@pytest.mark.parametrize("name", LISTS)
def test_every_package_of_a_lock_has_hashes(name):
    assert unhashed((ROOT / f"{name}.lock").read_text("utf-8")) == []


def test_all_locks_have_the_same_versions():
    development = locked("requirements-dev")
    for name in ("requirements", "requirements-s3", "requirements-embedded"):
        assert locked(name).items() <= development.items()


def test_the_image_installs_packages_with_hashes():
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert not re.search(r"-r \S*requirements\S*\.txt", text)


def test_every_image_is_pinned_to_a_version():
    assert len(images()) == 10


@pytest.mark.parametrize("advisory", ADVISORIES["advisories"], ids=lambda each: f"{each['id']}-{each['package']}")
def test_no_pin_has_a_known_hole_unless_a_reason_is_given(advisory):
    version = pins().get(advisory["package"])
    is_open = version is not None and Version(version) < Version(advisory["fixed"])
    assert is_open == ("accepted" in advisory)


def test_the_list_of_advisories_has_a_date_and_its_sources():
    assert date.fromisoformat(ADVISORIES["as_of"])
    assert all(source.startswith("https://") for source in ADVISORIES["sources"])


def test_djangos_own_checks_of_a_deployment_find_nothing():
    settings = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "REDIS_SENTINEL": "127.0.0.1:26379,127.0.0.2:26379,127.0.0.3:26379",
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    answer = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_what_is_under_the_gpl_is_neither_shipped_nor_imported():
    """localstripe is a process of tests."""
    assert [name for name in LISTS if "localstripe" in locked(name)] == ["requirements-dev"]
    lines = [line for path, text in written() if path.endswith(".py") for line in text.splitlines()]
    assert [line for line in lines if re.match(r"\s*(from|import) localstripe\b", line)] == []


def test_a_pin_without_a_hash_is_found():
    assert unhashed("Django==5.2.19\n") == ["Django==5.2.19"]
    assert unhashed("Django==5.2.19 \\\n    --hash=md5:00\n") == ["Django==5.2.19 \\", "    --hash=md5:00"]
