"""The Pods of the manifests run, with their security contexts, volumes and probes: the shop sells, and loses its
primary. What schedules Pods and translates addresses in a cluster is done by tests.kubernetes.pods."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import capabilities
from tests.architecture.sources import ROOT
from tests.compose import images
from tests.compose.engine import find
from tests.kubernetes.announced import ENCRYPTED, PINNED
from tests.kubernetes.manifests import TLS, parse, prepare, render

pytestmark = pytest.mark.timeout(900)
LIMIT_S = 800
NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
TAG = "test"
SETTINGS = {"EVERGREEN_VERSION": TAG, "EVERGREEN_REDIS_MAXMEMORY": "100mb"}
BASES = ("PYTHON_IMAGE", "REDIS_IMAGE", "NGINX_IMAGE")


def see(module, *words, components=(), limit_s=LIMIT_S, **settings):
    """What a module has seen of the Pods of an overlay."""
    capabilities.require("podman")
    capabilities.require("docker")
    engine = find()
    images.build(engine)
    build_nginx(engine)
    # Images twice, which need not stay until the next run.
    with tempfile.TemporaryDirectory(prefix="evergreen-pods-") as name:
        directory = Path(name)
        text = render(prepare(directory, *components, **SETTINGS, **settings), *components)
        (directory / "manifests.yaml").write_text(text)
        used = sorted({container["image"] for _, container in parse(text).containers()})
        engine.docker("save", "--output", str(directory / "images.tar"), *used, timeout_s=300)
        program = [*NAMESPACES, sys.executable, "-m", module, str(directory), *words]
        answer = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return json.loads((directory / "seen.json").read_text())


@pytest.fixture(scope="module", params=[((), PINNED), ((TLS,), ENCRYPTED)], ids=["plain", "encrypted"])
def seen(request):
    """What tests.kubernetes.purchase has seen."""
    components, settings = request.param
    return see("tests.kubernetes.purchase", components=components, **settings)


def build_nginx(engine):
    """The image that Compose does without."""
    bases = (f"{name}={engine.settings[name]}" for name in BASES if name in engine.settings)
    arguments = [word for base in bases for word in ("--build-arg", base)]
    network = engine.settings.get("EVERGREEN_BUILD_NETWORK", "default")
    words = ("--target", "nginx", "--tag", f"evergreen-nginx:{TAG}", "--file", str(ROOT / "deploy" / "Dockerfile"))
    engine.docker("build", "--quiet", *words, "--network", network, *arguments, str(ROOT), timeout_s=300)


def test_every_pod_of_the_base_runs(seen):
    expected = {f"{kind}-{number}" for kind in ("redis", "sentinel") for number in range(3)}
    expected |= {f"{kind}-{number}" for kind in ("api", "worker", "nginx") for number in range(2)}
    assert set(seen["pods"]) >= {*expected, "exporter-0"}


def test_a_purchase_is_made_once(seen):
    assert seen["first"] == 201
    assert seen["repeated"] == [201, True]


def test_another_data_node_sells_on_after_the_primary_was_killed(seen):
    assert seen["after"] == 201
    assert seen["elected"] != seen["primary"]


def test_the_pod_that_comes_back_with_another_address_follows(seen):
    former, present = seen["addresses"]
    assert former != present
    assert seen["followed"] == seen["elected"]


def test_nothing_is_lost(seen):
    assert seen["stock"] == 8
    assert seen["violations"] == []
