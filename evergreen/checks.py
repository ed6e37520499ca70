"""What `manage.py check --deploy` says of the settings, before anything is served with them."""

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

import configuration
from configuration import ConfigurationError, Scope


@register("settings", deploy=True)
def settings_are_complete(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """An error for each setting without which the shop cannot be served."""
    return [Error(fault, id="evergreen.E001") for fault in (*_missing(), *_unservable())]


def _missing() -> Sequence[str]:
    try:
        settings.CONFIGURATION.require()
    except ConfigurationError as error:
        return error.faults
    return ()


def _unservable() -> Sequence[str]:
    """The faults at which gunicorn would not start."""
    try:
        configuration.read(Scope.GUNICORN, os.environ)
    except ConfigurationError as error:
        return error.faults
    return ()
