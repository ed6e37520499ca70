"""What a declaration of a variable says."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from configuration.parsing import Form

T = TypeVar("T")


class Scope(StrEnum):
    """Where a variable applies."""

    API = "api"
    STACK = "stack"
    ALERTING = "alerting"
    GUNICORN = "gunicorn"
    EXPORTER = "exporter"
    AUTOSCALE = "autoscale"
    COMPOSE = "compose"
    #: Containers of Compose that run no Python of the shop; Compose sets their variables.
    REDIS = "redis"
    SENTINEL = "sentinel"
    NGINX = "nginx"


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Variable(Generic[T]):
    """A variable of the environment.

    `default` is written as in the environment; `default_note` describes a default that is not a fixed text.
    `requirement` says what to set where the shop cannot be served without the variable. A secret is never repeated in
    a message, and may be given as a file, which the variable with `_FILE` behind its name names.
    """

    name: str
    form: Form[T]
    default: str
    meaning: str
    scopes: frozenset[Scope]
    unit: str = ""
    default_note: str = ""
    requirement: str = ""
    is_secret: bool = False

    @property
    def file_name(self) -> str:
        """The variable that names the file which holds this one's value."""
        return f"{self.name}_FILE"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which the value can be given."""
        return (self.name, self.file_name) if self.is_secret else (self.name,)


def where(*scopes: Scope) -> frozenset[Scope]:
    """The scopes in which a variable applies."""
    return frozenset(scopes)
