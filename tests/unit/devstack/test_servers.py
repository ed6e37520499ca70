from pathlib import Path

import pytest

from devstack.servers import find, version
from devstack.settings import Misconfigured, Settings


def program(path: Path, output: str) -> str:
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=1536df31c0395150", (9, 1)),
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d081e4ac", (7, 0)),
        ("nginx version: nginx/1.31.3", None),
        ("", None),
    ],
)
def test_the_version_of_a_server_is_read(text, expected):
    assert version(text) == expected


def test_what_is_installed_with_the_project_is_found(tmp_path):
    servers = find(Settings(run=tmp_path))
    assert servers.redis.name == "valkey-server"
    assert servers.nginx.name == "nginx"


def test_a_server_of_ones_own_is_taken(tmp_path):
    own = program(tmp_path / "redis-server", "Redis server v=7.2.0 sha=0")
    assert find(Settings(run=tmp_path, server=own)).redis == Path(own)


def test_a_server_is_called_by_the_name_that_was_given(tmp_path):
    program(tmp_path / "redis-check-rdb", "Redis server v=7.2.0 sha=0")
    own = tmp_path / "redis-server"
    own.symlink_to("redis-check-rdb")
    assert find(Settings(run=tmp_path, server=str(own))).redis == own


def test_a_server_without_tls_is_refused_in_one_line_where_tls_is_on(tmp_path):
    with pytest.raises(
        Misconfigured, match="is built without TLS: name a server with TLS by EVERGREEN_REDIS"
    ) as refusal:
        find(Settings(run=tmp_path, tls=True))
    assert "\n" not in str(refusal.value)


def test_a_server_that_misses_its_certificate_can_do_tls(tmp_path):
    own = program(tmp_path / "redis-server", "Redis server v=8.0.0 sha=0\nNo tls-cert-file configured!")
    assert find(Settings(run=tmp_path, server=own, tls=True)).redis == Path(own)


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("Redis server v=7.0.15 sha=0", "is version 7.0: 7.2 or later is needed"),
        ("hello", "is no Redis or Valkey server"),
    ],
)
def test_a_server_that_cannot_be_used_is_refused_in_one_line(tmp_path, output, complaint):
    own = program(tmp_path / "redis-server", output)
    with pytest.raises(Misconfigured, match=complaint) as refusal:
        find(Settings(run=tmp_path, server=own))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "variable"),
    [({"server": "/no/such/server"}, "EVERGREEN_REDIS_SERVER"), ({"nginx": "/no/such/nginx"}, "EVERGREEN_NGINX")],
)
def test_a_program_that_is_not_there_is_named_with_its_variable(tmp_path, settings, variable):
    with pytest.raises(Misconfigured, match=f"^{variable} names /no/such/.*Correct it, or unset it.$"):
        find(Settings(run=tmp_path, **settings))
