import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evergreen.command_line import expand
from tests.architecture.sources import ROOT

#: Without packages, even those of the user.
BARE_PYTHON = [sys.executable, "-I", "-S"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with manage.py alone."""
    shutil.copy(ROOT / "manage.py", tmp_path)
    return tmp_path


def run(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [*BARE_PYTHON, "manage.py", "stack", "status"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_a_python_without_the_packages_hands_over_to_that_of_the_virtual_environment(tree):
    python = tree / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    assert run(tree).stdout == f"{tree}/manage.py stack status\n"


def test_without_a_virtual_environment_one_line_says_what_makes_one(tree):
    answer = run(tree)
    assert answer.returncode == 1
    assert answer.stderr.startswith("The packages are not installed: `make run` installs them")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", ["run", "up", "down", "status", "restart", "kill"])
def test_a_verb_of_the_stack_is_a_command_by_itself(verb):
    assert expand([verb, "redis-1"]) == ["stack", verb, "redis-1"]


def test_other_words_are_carried_out_as_they_are():
    assert expand(["logs", "--request", "1"]) == ["logs", "--request", "1"]
    assert expand([]) == []


def test_a_command_of_the_stack_starts_without_the_serializers_of_the_api():
    words = "import sys; from evergreen import settings; print('rest_framework.fields' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
