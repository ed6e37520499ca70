"""What programs can say of the deployment's files without running it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack import render, servers
from devstack.layout import NGINX, Layout
from devstack.settings import Settings
from tests.architecture.sources import ROOT

DEPLOY = ROOT / "deploy"
SCRIPTS = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.read_bytes().startswith(b"#!/bin/")]
BASH = [
    path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env")
]
# What gixy would have otherwise, and why it is as it is.
LEFT_AS_IT_IS = {
    "host_spoofing": "links need the port that the client used; Django refuses hosts that nobody named",
    "try_files_is_evil_too": "one path that nobody calls looks at one file that never is there",
    "hash_without_default": "these maps take what another map gives, and a test holds them against each other",
    "add_header_redefinition": "the answers of nginx's own name every header again",
}


def said(*words: object, **more: Any) -> str:
    """What a program says that finds no fault; everything that it says where it finds one."""
    answer = subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False, **more)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


def installed(name: str) -> Path:
    """A program that came with the packages of the tests."""
    return Path(sys.executable).with_name(name)


def test_compose_files_are_what_compose_takes():
    files = sorted(DEPLOY.glob("compose*.yml"))
    assert len(files) > 1
    assert "ok" in said(installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *files)


def test_every_secret_file_that_a_service_reads_is_mounted_there():
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))["services"]
    named = {
        (name, value.removeprefix("/run/secrets/"))
        for name, service in services.items()
        for value in service.get("environment", {}).values()
        if str(value).startswith("/run/secrets/")
    }
    assert len(named) > 10
    mounted = {
        (name, secret if isinstance(secret, str) else secret["source"])
        for name, service in services.items()
        for secret in service.get("secrets", ())
    }
    assert named - mounted == set()


def test_no_registry_is_asked_for_an_image_that_is_built_here():
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))["services"]
    built = {name: service.get("pull_policy") for name, service in services.items() if "build" in service}
    assert len(built) > 10
    assert set(built.values()) == {"never"}


def test_workflows_are_what_github_takes():
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert files
    assert "ok" in said(installed("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files)


def test_yaml_is_written_in_one_way():
    assert said(installed("yamllint"), "--strict", "deploy", "monitoring", ".github", ".pre-commit-config.yaml") == ""


def test_hadolint_finds_nothing_in_the_dockerfile():
    assert said(installed("hadolint"), DEPLOY / "Dockerfile") == ""


def test_shellcheck_finds_nothing_in_any_script():
    assert (
        said(
            installed("shellcheck"),
            "-x",
            *SCRIPTS,
            *BASH,
            *(path for path in sorted((ROOT / ".ci").iterdir()) if not path.suffix),
        )
        == ""
    )


@pytest.fixture
def configuration(tmp_path: Path) -> Iterator[Path]:
    """nginx's whole configuration, with a certificate, on sockets."""
    layout = Layout(settings=Settings(run=tmp_path, trusted_proxies=("10.0.0.0/8", "fd00::/8")))
    directory = layout.directory(NGINX)
    directory.joinpath("watched").mkdir(parents=True)
    for name, text in render.nginx_files(layout).items():
        directory.joinpath(name).write_text(text)
    ready = (DEPLOY / "nginx" / "ready.conf").read_text().replace("${EVERGREEN_INSTANCE_SCHEME}", layout.scheme)
    directory.joinpath("watched", "ready.conf").write_text(ready)
    directory.joinpath("hsts.conf").write_text((DEPLOY / "nginx" / "hsts.conf").read_text())
    directory.joinpath("tls").mkdir()
    for source in sorted((DEPLOY / "nginx" / "tls").glob("*.conf")):
        text = source.read_text().replace("/etc/nginx/certificate", str(tmp_path))
        directory.joinpath("tls", source.name).write_text(text.replace("${EVERGREEN_NGINX_DIRECTORY}", str(directory)))
    _certify(tmp_path)
    layout.memory.mkdir()
    yield directory / "nginx.conf"
    shutil.rmtree(layout.memory)


def _certify(directory: Path) -> None:
    files = ("-keyout", directory / "privkey.pem", "-out", directory / "fullchain.pem")
    said("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", *files)


def test_nginx_takes_its_configuration(configuration):
    program = servers.find(Settings(run=configuration.parent)).nginx
    assert "test is successful" in said(program, "-t", "-p", configuration.parent, "-c", configuration)


def test_gixy_finds_nothing_that_is_not_meant(configuration):
    found = json.loads(said(installed("gixy"), "-f", "json", "--skips", ",".join(LEFT_AS_IT_IS), configuration))
    assert found == []


def test_every_image_is_pinned_and_can_be_replaced():
    block = re.search(r"^x-images:\n(.*?)\n\n", (DEPLOY / "compose.yml").read_text(), re.DOTALL | re.MULTILINE)
    assert block
    for line in block[1].splitlines():
        assert re.fullmatch(r"  [a-z-]+: &[a-z-]+ \$\{[A-Z_]+_IMAGE:-[a-z0-9_/-]+:v?\d+(\.\d+)+(-[a-z-]+)?\}", line), (
            line
        )


def test_images_are_named_nowhere_else():
    text = (DEPLOY / "compose.yml").read_text()
    named = re.findall(r"image: (?!\*|&shop-image|\$\{EVERGREEN_)(.*)", text)
    assert named == []
    assert re.findall(r"^FROM (?!\$\{)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE) == []


def test_every_variable_of_compose_has_a_default_or_stands_in_the_example():
    text = "".join((DEPLOY / name).read_text() for name in ("compose.yml", "compose.tls.yml"))
    example = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
    used = dict(re.findall(r"\$\{([A-Z_]+)(?::-([^}]*))?\}", text))
    assert [name for name, default in used.items() if not default and name not in example] == []


def test_the_example_holds_nothing_that_compose_does_not_know():
    text = "".join(path.read_text() for path in (DEPLOY / "compose.yml", DEPLOY / "compose.sh", DEPLOY / "init"))
    example = re.findall(r"^([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE)
    assert [name for name in example if name not in text] == []


def test_every_folder_that_an_image_copies_is_in_the_build_context():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    roots = {source.partition("/")[0] for sources in copied for source in sources.split()}
    let_in = {
        line[1:].partition("/")[0] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert roots - let_in == set()
