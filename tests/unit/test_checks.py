"""What is checked before the shop is served."""

import os
import subprocess
import sys

import pytest

from configuration import ROOT


def checked(**variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` as a container runs it, with this environment."""
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--tag", "settings"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "EVERGREEN_RUN": "/nowhere", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_that_is_missing_is_named_at_once():
    answer = checked(REDIS_MASTER_NAME="")
    assert answer.returncode != 0
    assert [name for name in ("SECRET_KEY", "REDIS_MASTER_NAME", "REDIS_SENTINEL") if name not in answer.stderr] == []


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"SECRET_KEY": "weak"}, "SECRET_KEY cannot be used: it is too weak"),
        ({"SECRET_KEY": "a" * 56}, "SECRET_KEY cannot be used: it is too weak"),
        ({"SECRET_KEY": "django-insecure-" + "a-random-text-" * 4}, "SECRET_KEY cannot be used: it is too weak"),
        (
            {"SECRET_KEY_FALLBACKS": "a-random-text-" * 4 + ",weak"},
            "SECRET_KEY_FALLBACKS cannot be used: give",
        ),
        ({"SECRET_KEY_FALLBACKS": ",".join(["a-random-text-" * 4] * 5)}, "SECRET_KEY_FALLBACKS cannot be used"),
        ({"EVERGREEN_HOSTS": "shop.example,*"}, "EVERGREEN_HOSTS is 'shop.example,*': give the names"),
        ({"EVERGREEN_HOSTS": "https://shop.example/"}, "EVERGREEN_HOSTS is 'https://shop.example/': give the names"),
        ({"EVERGREEN_HOSTS": ","}, "EVERGREEN_HOSTS is ',': give the names"),
        ({"EVERGREEN_HOSTS": "shop.example;a"}, "EVERGREEN_HOSTS is 'shop.example;a': give the names"),
        ({"EVERGREEN_TRUSTED_PROXIES": "0.0.0.0/0"}, "EVERGREEN_TRUSTED_PROXIES is '0.0.0.0/0': give networks"),
        ({"EVERGREEN_TRUSTED_PROXIES": "10.0.0.5/8"}, "EVERGREEN_TRUSTED_PROXIES is '10.0.0.5/8': give networks"),
        ({"EVERGREEN_CORS_ORIGINS": "*"}, "EVERGREEN_CORS_ORIGINS is '*': give origins"),
        (
            {"EVERGREEN_CORS_ORIGINS": "https://shop.example/"},
            "EVERGREEN_CORS_ORIGINS is 'https://shop.example/': give",
        ),
        ({"SECRET_KEY_FILE": "/nowhere/secret_key"}, "SECRET_KEY_FILE names /nowhere/secret_key"),
        ({"REDIS_SENTINEL": "sentinel"}, "REDIS_SENTINEL is 'sentinel': give host:port"),
    ],
)
def test_what_cannot_be_used_is_named_without_a_traceback(variables, fault):
    answer = checked(**variables)
    assert answer.returncode != 0
    assert fault in answer.stderr
    assert "Traceback" not in answer.stderr


def test_settings_that_will_do_pass():
    answer = checked(SECRET_KEY="a-random-text-" * 4, REDIS_SENTINEL="10.0.0.1:26379")
    assert (answer.returncode, answer.stderr) == (0, "")
