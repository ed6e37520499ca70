"""The whole topology, its OpenAPI document, and what lints the document and generates clients from it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from chaos import stage
from clients import tools
from devstack.temporary import RunningStack
from shop.domain.callers import Role
from tests.capabilities import require
from tests.system.shopping import assembled

TIMEOUT_S = 120

Run = Callable[..., str]


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    require("node")


@pytest.fixture(scope="session")
def document(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document that the running shop serves."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_bytes(httpx.get(f"{stack.base_url}/api/schema/", timeout=TIMEOUT_S).content)
    return path


@pytest.fixture(scope="session")
def staff_token(stack: RunningStack) -> Iterator[str]:
    """The token of a user with the role staff."""
    container = assembled(stack)
    yield stage.create_person(container.shop, Role.STAFF).token
    container.close()


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a program of the tools, and return what it printed; it must succeed."""

    def run(*command: str, cwd: Path, stdin: str = "", **variables: str) -> str:
        environment = {**tools.environment(), "NO_COLOR": "1", **variables}
        ended = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout + ended.stderr

    return run
