"""What `manage.py check --deploy` says of the settings, before anything is served with them."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from configuration import ConfigurationError


@register("settings", deploy=True)
def settings_are_complete(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """An error for each setting without which the shop cannot be served."""
    try:
        settings.CONFIGURATION.require()
    except ConfigurationError as error:
        return [Error(fault, id="evergreen.E001") for fault in error.faults]
    return []
