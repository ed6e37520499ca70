"""The store that a command works on."""

from django.conf import settings
from django.core.management import CommandError

from configuration import START, ConfigurationError
from exactly_once import SchemaFault
from shop.bootstrap import Container, container

ABSENT = f"No store answers: start the shop with `{START}`, or name the Sentinels of one in REDIS_SENTINEL."


def answering() -> Container:
    """The shop of the settings, once it has answered.

    Raises:
        CommandError: nothing is configured, no node answers, or the store has another schema; exit status 2.
    """
    try:
        settings.CONFIGURATION.require()
    except ConfigurationError as error:
        raise CommandError(ABSENT, returncode=2) from error
    found = container()
    fault = found.store.read_fault()
    if fault:
        raise CommandError(str(fault) if isinstance(fault, SchemaFault) else ABSENT, returncode=2)
    return found
