from rich.console import Console

from configuration import PROGRAM
from devstack import welcome
from operations.deployment import ProcessStatus


def shown(layout, *names: str, missing: tuple[str, ...] = ()) -> str:
    """What an operator reads when these processes run."""
    parts = [ProcessStatus(name=name, address=layout.address(name), pid=7, state="running", role="") for name in names]
    console = Console(width=160)
    with console.capture() as capture:
        console.print(welcome.text(layout, parts, None, missing))
    return capture.get()


def test_what_watches_is_shown_with_its_address(layout):
    text = shown(layout, "nginx", "prometheus", "alertmanager")
    assert "http://127.24.0.51:19090" in text
    assert "http://127.24.0.52:19093" in text


def test_what_is_missing_is_named_with_the_command_that_brings_it(layout):
    text = shown(layout, "nginx", missing=("prometheus", "alertmanager"))
    assert "Not installed: prometheus, alertmanager, so nothing monitors." in text
    assert "sudo apt install prometheus" in text
    assert "http://127.24.0.51" not in text


def test_nothing_is_said_of_what_is_missing_where_nothing_is(layout):
    assert "Not installed" not in shown(layout, "nginx", "prometheus")


def test_commands_of_another_terminal_are_shown_as_they_are_typed(layout):
    assert f"{PROGRAM} stack kill redis-1" in shown(layout, "nginx")
