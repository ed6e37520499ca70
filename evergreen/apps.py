"""The Django project as an application: it brings the operator's commands and the checks of the settings."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.core import cache, signals
from django.core.handlers.base import reset_urlconf
from django.db import close_old_connections, reset_queries

from shop.concurrency import REQUESTS, WaitLimits


class EvergreenConfig(AppConfig):
    """Registers the checks once everything is loaded, and takes from every request what is for databases: there are
    none, and nothing in a cache needs closing. It was a tenth of the time of a request. Every request sets the URL
    configuration, which is the same for all, so none resets it."""

    name = "evergreen"

    def ready(self) -> None:
        import_module("evergreen.checks")
        REQUESTS.set_limits(settings.EVERGREEN_MAX_CONCURRENT_REQUESTS, settings.EVERGREEN_MAX_QUEUED_REQUESTS)
        REQUESTS.wait_limits = WaitLimits(
            read_s=settings.EVERGREEN_READ_SLOT_TIMEOUT_S,
            write_s=settings.EVERGREEN_WRITE_SLOT_TIMEOUT_S,
            overload_s=settings.EVERGREEN_OVERLOAD_TIMEOUT_S,
        )
        signals.request_started.disconnect(reset_queries)
        signals.request_started.disconnect(close_old_connections)
        signals.request_finished.disconnect(close_old_connections)
        signals.request_finished.disconnect(cache.close_caches)
        signals.request_finished.disconnect(reset_urlconf)
