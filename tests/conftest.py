"""What every test needs of Django: a secret key that is nobody's."""

from django.conf import settings

pytest_plugins = ["tests.stack_fixtures"]


def pytest_configure() -> None:
    settings.SECRET_KEY = "a secret key of tests, and of nothing else in the whole world"
