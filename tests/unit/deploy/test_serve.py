"""deploy/nginx/serve: what it makes of the settings for nginx in a container."""

import os
import subprocess
from pathlib import Path

import pytest

from configuration import ROOT, rate_limits, server, stack
from configuration.rates import Rate
from devstack import edge

DEFAULTS = {
    each.name: each.default
    for each in (*rate_limits.VARIABLES, server.WORKERS, stack.CATALOGUE_CACHE_S, stack.INSTANCE_REQUESTS)
}

INSTANCES = ("172.20.0.71:8000", "172.20.0.72:8000", "172.20.0.73:8000")


def served(directory: Path, **variables: str) -> dict[str, str]:
    """The files that the script writes before it becomes nginx, which is none here."""
    programs = directory / "programs"
    programs.mkdir()
    stand_in = programs / "nginx"
    stand_in.write_text("#!/bin/sh\n")
    stand_in.chmod(0o755)
    settings = {"EVERGREEN_NGINX_DIRECTORY": str(directory), "EVERGREEN_HOSTS": "localhost", **DEFAULTS, **variables}
    instances = directory / "given-instances"
    instances.write_text(edge.instances(INSTANCES))
    settings["EVERGREEN_NGINX_INSTANCES"] = str(instances)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "EVERGREEN_TRUSTED_PROXIES": "", **settings}
    subprocess.run(["sh", ROOT / "deploy" / "nginx" / "serve"], env=environment, check=True)
    return {path.name: path.read_text() for path in directory.glob("*.conf")}


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        ("localhost,127.0.0.1,[::1]", ("localhost", "127.0.0.1", "[::1]")),
        (" .shop.example , a.b ", (".shop.example", "a.b")),
    ],
)
def test_a_container_serves_the_same_names_as_the_stack(tmp_path: Path, hosts: str, names: tuple[str, ...]):
    assert served(tmp_path, EVERGREEN_HOSTS=hosts)["hosts.conf"] == edge.hosts(names)


@pytest.mark.parametrize(("proxies", "networks"), [("", ()), ("10.0.0.5/32, fd00::/8", ("10.0.0.5/32", "fd00::/8"))])
def test_a_container_believes_the_same_proxies_as_the_stack(tmp_path: Path, proxies: str, networks: tuple[str, ...]):
    assert served(tmp_path, EVERGREEN_TRUSTED_PROXIES=proxies)["proxies.conf"] == edge.proxies(networks)


def test_a_container_has_the_default_limits_of_the_stack(tmp_path: Path):
    assert served(tmp_path)["rates.conf"] == edge.rates(edge.DEFAULT_LIMITS)


def test_a_container_limits_addresses_as_the_stack_does(tmp_path: Path):
    variables = {
        "EVERGREEN_ADDRESS_READS": "7/s burst 30",
        "EVERGREEN_ADDRESS_WRITES": "off",
        "EVERGREEN_ADDRESS_SIGN_INS": "7/m burst 3",
        "EVERGREEN_ADDRESS_REGISTRATIONS": "0",
        "EVERGREEN_ADDRESS_CONNECTIONS": "0",
        "EVERGREEN_UNLIMITED_NETWORKS": "10.0.0.5/32, fd00::/8",
    }
    rates = {"reads": Rate(7, "s", 30), "writes": None, "sign-in": Rate(7, "m", 3), "registration": None}
    limits = edge.RateLimits(rates, 0, ("10.0.0.5/32", "fd00::/8"))
    assert served(tmp_path, **variables)["rates.conf"] == edge.rates(limits)


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_container_caches_the_catalogue_as_the_stack_does(tmp_path: Path, seconds: int):
    made = served(tmp_path, EVERGREEN_CATALOGUE_CACHE_S=str(seconds))
    assert made["cache-lifetime.conf"] == edge.cache_lifetime(seconds)


@pytest.mark.parametrize(("requests", "workers"), [(32, 1), (32, 4), (1, 1), (3, 1), (0, 2)])
def test_a_container_divides_the_instances_as_the_stack_does(tmp_path: Path, requests: int, workers: int):
    made = served(tmp_path, EVERGREEN_INSTANCE_REQUESTS=str(requests), GUNICORN_WORKERS=str(workers))
    divided = edge.divided(edge.instances(INSTANCES), requests * workers)
    assert {name: text for name, text in made.items() if name.endswith("-instances.conf")} == divided


def test_an_instance_has_as_many_reads_as_are_set_and_half_as_many_writes():
    divided = edge.divided(edge.instances(INSTANCES), 32)
    for name, limit in (("read", 16), ("write", 8)):
        lines = divided[f"{name}-instances.conf"].splitlines()
        assert [line.endswith(f" max_conns={limit};") for line in lines] == [True] * 2 * len(INSTANCES)


def test_an_instance_that_refuses_what_is_more_is_out_for_a_second_and_has_no_backup():
    lines = edge.divided(edge.instances(INSTANCES), 32)["overflow-instances.conf"].splitlines()
    assert lines == [f"server {address} max_fails=1 fail_timeout=1s;" for address in INSTANCES]


def test_no_proxy_is_believed_by_default():
    assert "set_real_ip_from" not in edge.proxies(())
    assert "default 0;" in edge.proxies(())


def test_a_container_calls_instances_by_tls_as_the_stack_does(tmp_path: Path):
    made = served(tmp_path, EVERGREEN_INSTANCE_SCHEME="https")
    assert made["upstream-tls.conf"] == edge.tls(Path("/run/certificates/tls"))


def test_a_container_calls_instances_without_tls_by_default(tmp_path: Path):
    assert served(tmp_path)["upstream-tls.conf"] == ""
