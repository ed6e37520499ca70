"""Clients that are generated from the running shop's OpenAPI document go the whole way: they register, sign in, read
every page, buy under a key, repeat, and meet 409, 412 and 304 with their types."""

import json
import shutil
from pathlib import Path

import httpx

from clients.tools import NODE, PACKAGES, PYTHON, ROOT
from devstack.temporary import RunningStack
from tests.clients.conftest import Run

COMPLETE = "the journey is complete"
SDK = ROOT / "clients" / "python"


def test_the_python_package_is_built_and_goes_the_whole_way(
    run: Run, document: Path, tmp_path: Path, stack: RunningStack, staff_token: str
):
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(SDK, source, ignore=shutil.ignore_patterns("generated", "build", "*.egg-info"))
    shutil.copy(document, source / "openapi.json")
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--target", str(target), str(source), cwd=tmp_path)
    assert not (source / "evergreen_client" / "generated" / "pyproject.toml").exists()
    # Python looks for packages beside a program first, and there is the source.
    shutil.copy(SDK / "journey.py", tmp_path / "journey.py")
    journey = (str(PYTHON), "journey.py", stack.base_url)
    said = run(*journey, cwd=tmp_path, stdin=staff_token, PYTHONPATH=str(target))
    assert said.strip() == COMPLETE


def test_the_typescript_client_is_compiled_and_goes_the_whole_way(
    run: Run, document: Path, tmp_path: Path, stack: RunningStack, staff_token: str
):
    for name in ("journey.ts", "tsconfig.json"):
        shutil.copy(NODE / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    generator = ("openapi-ts", "--input", str(document), "--output", "generated")
    run(*generator, "--client", "@hey-api/client-fetch", cwd=tmp_path)
    run("tsc", "--project", "tsconfig.json", cwd=tmp_path)
    said = run("node", "built/journey.js", cwd=tmp_path, SHOP=stack.base_url, STAFF_TOKEN=staff_token)
    assert said.strip() == COMPLETE


def test_the_first_purchase_of_the_introduction_can_be_pasted(
    run: Run, document: Path, tmp_path: Path, stack: RunningStack, staff_token: str
):
    described = json.loads(document.read_text("utf-8"))
    product = described["components"]["examples"]["NewProduct"]["value"]
    headers = {"Authorization": f"Bearer {staff_token}"}
    assert httpx.post(f"{stack.base_url}/api/v1/products/", json=product, headers=headers).status_code == 201
    lines = described["info"]["description"].partition("```sh\n")[2].partition("```")[0].strip()
    *before, purchase = lines.replace("http://127.0.0.1:8080", stack.base_url).split("\ncurl")
    script = "\ncurl".join([*before, purchase])
    said = run("bash", "-c", f"{script}\necho\ncurl{purchase}", cwd=tmp_path)
    *_, first, second = (json.loads(line) for line in said.replace("}{", "}\n{").splitlines())
    assert (first["status"], first["items"][0]["sku"], first) == ("placed", product["sku"], second)
