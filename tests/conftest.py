"""What every test needs: a secret key that is nobody's, and programs that can be interrupted."""

import signal

from django.conf import settings

pytest_plugins = ["tests.stack_fixtures"]


def pytest_configure() -> None:
    settings.SECRET_KEY = "a secret key of tests, and of nothing else in the whole world"
    # A shell lets what it starts in the background ignore Ctrl-C, and so would every program that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
