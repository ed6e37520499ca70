import configparser
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from csp.utils import build_policy
from django.conf import settings
from gunicorn.config import Config
from rest_framework.permissions import SAFE_METHODS

from devstack import render
from devstack.layout import MONITORS
from devstack.lifecycle import DATA_ONLY, EVERYTHING, SCHEDULED
from devstack.servers import Servers
from devstack.settings import BackupSchedule
from shop.api import limits
from shop.api.access import ACCESS, Limiter
from shop.api.access_document import url_operations
from shop.api.problems import PROBLEMS

SERVERS = Servers(redis=Path("/bin/valkey-server"), nginx=Path("/bin/nginx"))
LEFT_OPEN = re.compile(r"\$\{[A-Z_]+\}")


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";", "#"))
    parser.read_string(text)
    return parser


@pytest.fixture
def supervised(layout):
    return parsed(render.supervisor(layout, SERVERS, {"SECRET_KEY": "a%b"}, EVERYTHING))


def test_nothing_in_a_template_is_left_open(layout):
    texts = [
        *render.nginx_files(layout).values(),
        render.supervisor(layout, SERVERS, {}, EVERYTHING),
    ]
    assert [found for text in texts for found in LEFT_OPEN.findall(text)] == []


def test_every_process_is_supervised_and_restarted(layout, supervised):
    programs = {name.removeprefix("program:") for name in supervised.sections() if name.startswith("program:")}
    assert programs == set(layout.largest.names) - set(MONITORS)
    started = {name for name in programs if supervised[f"program:{name}"]["autostart"] == "true"}
    assert started == set(layout.names) - set(MONITORS)
    assert {supervised[f"program:{name}"]["autorestart"] for name in programs} == {"true"}


def test_a_stack_with_a_target_makes_backups_and_one_without_makes_none(layout):
    schedule = BackupSchedule(target="s3://bucket/shop", every="6h", keep=9, variables={"EVERGREEN_S3_REGION": "x"})
    scheduled = replace(layout, settings=replace(layout.settings, backups=schedule))
    section = parsed(render.supervisor(scheduled, SERVERS, {}, EVERYTHING + SCHEDULED))["program:backup"]
    words = shlex.split(section["command"])
    assert words[words.index("evergreen") :] == [
        *("evergreen", "backup", "s3://bucket/shop", "--every", "6h", "--keep", "9"),
        *("--listen", str(scheduled.schedules["backup"])),
    ]
    assert 'EVERGREEN_S3_REGION="x"' in section["environment"]
    assert 'EVERGREEN_REDIS_USERNAME="backup"' in section["environment"]
    without = parsed(render.supervisor(layout, SERVERS, {}, EVERYTHING + SCHEDULED))
    assert not without.has_section("program:backup")


def test_data_nodes_stop_last_and_nobody_elects_while_they_do(supervised):
    priorities = {kind: int(supervised[f"group:{kind}"]["priority"]) for kind in EVERYTHING}
    assert sorted(EVERYTHING, key=priorities.__getitem__) == ["redis", "sentinel", "api", "worker", "nginx"]


def test_a_data_node_has_the_memory_limit_of_the_settings(layout):
    limited = replace(layout, settings=replace(layout.settings, maxmemory="3gb"))
    for made, limit in ((layout, "1gb"), (limited, "3gb")):
        section = parsed(render.supervisor(made, SERVERS, {}, EVERYTHING))["program:redis-1"]
        assert f'"--maxmemory" "{limit}"' in section["command"]


def test_a_topology_of_data_only_has_no_instances(layout):
    sections = parsed(render.supervisor(layout, SERVERS, {}, DATA_ONLY)).sections()
    assert not [name for name in sections if "api" in name or "nginx" in name]


def test_an_instance_is_told_its_name_its_socket_and_the_secrets(layout, supervised):
    environment = supervised["program:api-2"]["environment"]
    assert 'EVERGREEN_INSTANCE="api-2"' in environment
    assert f'GUNICORN_BIND="unix:{layout.socket("api-2")}"' in environment
    assert 'SECRET_KEY="a%%b"' in environment, "the supervisor takes a single percent sign for a variable"


def test_a_worker_is_told_its_name_and_calls_the_store_as_an_instance_does(layout, supervised):
    section = supervised["program:worker-2"]
    assert 'EVERGREEN_INSTANCE="worker-2"' in section["environment"]
    assert 'EVERGREEN_REDIS_USERNAME="api"' in section["environment"]
    assert f'"work" "--listen" "{layout.workers["worker-2"]}"' in section["command"]


def test_only_instances_and_workers_are_told_the_secrets(layout, supervised):
    kinds = ("program:api", "program:worker")
    others = [each for each in supervised.sections() if each.startswith("program:") and not each.startswith(kinds)]
    assert not [name for name in others if "environment" in supervised[name]]


def test_a_command_is_read_back_by_the_supervisor_as_it_was_meant(layout, supervised):
    meant = render.command(layout, SERVERS, "redis-1")
    assert shlex.split(supervised["program:redis-1"]["command"])[-len(meant) :] == meant


def test_no_process_writes_into_a_pipe_of_the_supervisor(layout, supervised):
    programs = [section for name, section in supervised.items() if name.startswith("program:")]
    assert {(program["stdout_logfile"], program["stderr_logfile"]) for program in programs} == {("NONE", "NONE")}
    spawned = shlex.split(supervised["program:nginx"]["command"])[2:6]
    logs = [str(layout.log("nginx")), str(layout.log("nginx-errors"))]
    assert spawned == ["devstack.spawn", str(layout.record("nginx")), *logs]


def test_nginx_names_its_problems_as_the_api_does(layout):
    titles = re.search(r"map \$problem \$problem_title \{(.*?)\}", render.nginx(layout), re.DOTALL)
    assert titles
    named = dict(re.findall(r'([a-z-]+) "(.*?)";', titles[1]))
    assert named == {code: PROBLEMS[code].title for code in named}


def test_nginx_limits_bodies_as_the_api_does(layout):
    conf = render.nginx(layout)
    kib = [int(size) for size in re.findall(r"client_max_body_size (\d+)k;", conf)]
    assert kib == [limits.MAX_BODY_BYTES // 1024, limits.MAX_CREDENTIALS_BODY_BYTES // 1024]
    assert f"client_body_buffer_size {limits.MAX_BODY_BYTES // 1024}k;" in conf
    assert f'payload-too-large "{limits.BODY_LIMITS}"' in conf
    small = re.search(r"location ~ (\S+) \{\s+client_max_body_size 16k;", conf)
    assert small
    assert all(re.search(small[1], path) for path in limits.CREDENTIALS_PATHS)
    assert not re.search(small[1], "/api/v1/users/me/")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("400", "bad-request"),
        ("404", "not-found"),
        ("413", "payload-too-large"),
        ("421", "misdirected-request"),
    ],
)
def test_nginx_gives_a_problem_the_status_that_it_has(layout, status, code):
    assert re.search(rf"{status} {code};", render.nginx(layout))
    assert PROBLEMS[code].status == int(status)


def test_nginx_sends_the_security_headers_of_the_shop(layout):
    sent = dict(
        re.findall(r'^add_header (\S+) "?(.*?)"? always;$', render.nginx_files(layout)["headers.conf"], re.MULTILINE)
    )
    policy = sent.pop("Content-Security-Policy").split("; ")
    assert sorted(policy) == sorted(build_policy().split("; "))
    assert sent == {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
    }


def test_nginx_refuses_a_long_request_line_before_gunicorn_does(layout):
    (kib,) = re.findall(r"large_client_header_buffers \d+ (\d+)k;", render.nginx(layout))
    (line,) = re.findall(
        r"^limit_request_line = (\d+)$", (render.DEPLOY / "gunicorn.conf.py").read_text(), re.MULTILINE
    )
    assert int(kib) * 1024 < int(line) == Config().limit_request_field_size


def test_tls_has_forward_secrecy_and_authenticated_encryption_alone():
    tls = (render.DEPLOY / "nginx" / "tls" / "http.conf").read_text()
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in tls
    ciphers = re.search(r"ssl_ciphers (\S+);", tls)[1].split(":")
    assert {cipher.startswith(("ECDHE-ECDSA-", "ECDHE-RSA-")) for cipher in ciphers} == {True}
    assert {"GCM" in cipher or "CHACHA20-POLY1305" in cipher for cipher in ciphers} == {True}


PUBLIC_WRITES = {
    operation.name: operation.path
    for operation in url_operations()
    if ACCESS[operation.name].is_public and operation.method not in SAFE_METHODS
}


def test_the_public_writes_are_those_of_accounts_carts_and_providers():
    """Of no other path, or the test below would test nothing."""
    assert set(PUBLIC_WRITES.values()) == {
        "/api/login/",
        "/api/logout/",
        "/api/password-reset/",
        "/api/registration/",
        "/api/v1/auth/password-reset/",
        "/api/v1/auth/password-reset/confirm/",
        "/api/v1/auth/token/",
        "/api/v1/carts/",
        "/api/v1/payments/webhooks/{provider}/",
        "/api/v1/users/",
        "/api/v1/users/confirm/",
    }


@pytest.mark.parametrize("operation", PUBLIC_WRITES)
def test_nginx_limits_who_is_not_signed_in_by_the_class_of_the_access_table(layout, operation):
    limiter = re.search(r'map "\$writes \$uri" \$limiter \{(.*?)\n    \}', render.nginx(layout), re.DOTALL)[1]
    classes = re.findall(r'"~(.+)" ([a-z-]+);', limiter)
    request = f"1 {PUBLIC_WRITES[operation]}"
    assert next(name for regex, name in classes if re.search(regex, request)) == ACCESS[operation].limiter


def test_nginx_has_a_limit_for_every_class_of_the_access_table(layout):
    assert set(layout.settings.address_limits.rates) == set(Limiter)


def test_webhooks_may_go_to_this_machine_unless_the_start_names_networks(layout, supervised):
    programs = ("program:api-1", "program:worker-1")
    default = 'EVERGREEN_WEBHOOK_NETWORKS="127.0.0.0/8"'
    assert [name for name in programs if default not in supervised[name]["environment"]] == []
    changed = replace(layout, settings=replace(layout.settings, webhook_networks=("10.0.0.0/8", "10.1.0.0/16")))
    named = parsed(render.supervisor(changed, SERVERS, {}, EVERYTHING))
    expected = 'EVERGREEN_WEBHOOK_NETWORKS="10.0.0.0/8,10.1.0.0/16"'
    assert [name for name in programs if expected not in named[name]["environment"]] == []
