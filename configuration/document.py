"""The reference of all variables, as Markdown."""

from collections.abc import Iterator, Sequence
from typing import Any

from configuration.table import SECTIONS
from configuration.variable import Variable

INTRODUCTION = """\
# Configuration

<!-- Made by `python -m configuration > docs/configuration.md` from the declarations in configuration/. -->

Every variable of the environment that the project reads. A variable that is empty counts as not set. What cannot be
used is named at the start, all of it at once, with what to do; a name that begins with `EVERGREEN_` and is not in this
file is refused as well.

A secret may be given as a file: `SECRET_KEY_FILE=/run/secrets/secret_key` in place of `SECRET_KEY`. Messages never
repeat a secret. In Compose, secrets stand in `deploy/.env`, and `deploy/init` makes the files.

A stack writes what it was started with to `stack.json` in its data directory. Commands take it from there, so that a
second terminal needs no variable but `EVERGREEN_RUN`, and not that one for `.run`; the next start takes it from there
too. A variable that is set goes before it, and is refused where it contradicts a stack that runs.

In Compose, variables are set in `deploy/.env`; [deploy.md](deploy.md) describes the deployment.

Where a variable applies: `api` is an API instance and every command of the shop, `stack` is `make run` and `manage.py
stack`, `exporter` is the project's own exporter, `alerting` writes Alertmanager's configuration, `autoscale` is
`python -m operations.autoscale`, `compose` is `deploy/compose.yml` and the scripts beside it.
"""
COLUMNS = ("variable", "meaning", "default", "unit, limits", "applies to")


def markdown() -> str:
    """The whole reference."""
    return "\n".join(
        [INTRODUCTION, *(line for title, section in SECTIONS.items() for line in _section(title, section))]
    )


def _section(title: str, variables: Sequence[Variable[Any]]) -> Iterator[str]:
    yield f"## {title}\n"
    yield _row(COLUMNS)
    yield _row(["---"] * len(COLUMNS))
    yield from (_row(_cells(variable)) for variable in variables)
    yield ""


def _cells(variable: Variable[Any]) -> list[str]:
    name = f"`{variable.name}`" + (" (secret)" if variable.is_secret else "")
    meaning = variable.meaning + (" Needed to serve." if variable.requirement else "")
    default = f"`{variable.default}`" if variable.default else variable.default_note
    limits = "; ".join(filter(None, (variable.unit, variable.form.limits)))
    return [name, meaning, default, limits, ", ".join(sorted(variable.scopes))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")
