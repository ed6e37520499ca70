"""The Django project as an application: it brings the operator's commands and the checks of the settings."""

from importlib import import_module

from django.apps import AppConfig


class EvergreenConfig(AppConfig):
    """Registers the checks once everything is loaded."""

    name = "evergreen"

    def ready(self) -> None:
        import_module("evergreen.checks")
