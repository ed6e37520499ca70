import subprocess

import pytest
from django.core.management import call_command

#: Completes the words of $1 as bash would, when the last one is being typed.
ASK = """
eval "$(cat)"
COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_evergreen
echo "${COMPREPLY[@]}"
"""


@pytest.fixture
def complete(capsys):
    call_command("completion", "bash")
    script = capsys.readouterr().out

    def completed(typed: str) -> list[str]:
        answer = subprocess.run(
            ["bash", "-c", ASK, "bash", typed], input=script, capture_output=True, text=True, check=True
        )
        return answer.stdout.split()

    return completed


def test_commands_of_the_project_are_completed_and_none_of_django(complete):
    assert complete("./manage.py to") == ["topology", "tour"]
    assert complete("./manage.py runser") == []


def test_verbs_of_the_stack_are_completed(complete):
    assert complete("./manage.py stack re") == ["restart"]


@pytest.mark.parametrize("typed", ["./manage.py stack kill redis-", "evergreen-stores kill redis-"])
def test_names_of_processes_are_completed(complete, typed):
    assert complete(typed) == ["redis-1", "redis-2", "redis-3"]


def test_zsh_completes_by_the_function_of_bash(capsys):
    call_command("completion", "zsh")
    script = capsys.readouterr().out
    assert "bashcompinit" in script
    assert subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=True).stderr == ""
