"""Reads declared variables: typed, with every fault named at once."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from configuration.table import RULES, VARIABLES
from configuration.values import ConfigurationError, Values
from configuration.variable import Scope, Variable

T = TypeVar("T")

#: Names with this prefix are the project's own: an undeclared one is a mistake.
PREFIX = "EVERGREEN_"
KNOWN = tuple(name for variable in VARIABLES for name in variable.names)
OWN = tuple(name.removeprefix(PREFIX) for name in KNOWN if name.startswith(PREFIX))


def read(
    scopes: Scope | Collection[Scope], environ: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> Values:
    """Read the variables of these scopes. `defaults` takes the place of declared defaults, variable by variable. An
    empty text counts as not set.

    Raises:
        ConfigurationError: some variables cannot be used; all of them are named.
    """
    values: dict[Variable[Any], Any] = {}
    faults = list(_unknown(environ))
    wanted = {scopes} if isinstance(scopes, Scope) else set(scopes)
    for variable in VARIABLES:
        if wanted & variable.scopes:
            try:
                values[variable] = _value(variable, environ, defaults or {})
            except ConfigurationError as error:
                faults += error.faults
    found = Values(values, frozenset(each for each in values if _is_blank(each, environ)))
    if not faults:
        faults += filter(None, (rule(found) for scope in wanted for rule in RULES.get(scope, ())))
    if faults:
        raise ConfigurationError(sorted(faults))
    return found


def _value(variable: Variable[T], environ: Mapping[str, str], defaults: Mapping[str, str]) -> T:
    text = _text(variable, environ) or _text(variable, defaults) or variable.default
    try:
        return variable.form.parse(text)
    except ValueError:
        problem = "cannot be used" if variable.is_secret else f"is {text!r}"
        raise ConfigurationError([f"{variable.name} {problem}: {variable.form.remedy}."]) from None


def _text(variable: Variable[Any], source: Mapping[str, str]) -> str:
    """The text of the variable, from its file where that is named; empty where the source does not give it."""
    given, file = source.get(variable.name, "").strip(), source.get(variable.file_name, "").strip()
    if not file or not variable.is_secret:
        return given
    if given:
        raise ConfigurationError([f"{variable.name} and {variable.file_name} are both set: unset one of them."])
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        fault = f"{variable.file_name} names {file}, which cannot be read: name a text file that this user may read."
        raise ConfigurationError([fault]) from None


def _is_blank(variable: Variable[Any], environ: Mapping[str, str]) -> bool:
    """Whether the variable is set to nothing, as Compose does with one that its settings leave out."""
    return not environ.get(variable.name, "set").strip() and not environ.get(variable.file_name)


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    for name in environ:
        if name.startswith(PREFIX) and name not in KNOWN:
            close = get_close_matches(name.removeprefix(PREFIX), OWN, n=1)
            remedy = f"set {PREFIX}{close[0]} instead" if close else "unset it; docs/configuration.md lists all"
            yield f"{name} is not a variable of this project: {remedy}."
