"""What becomes of what the code, its libraries and its threads have to say."""

import json
import logging
import os
import resource
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings
from django.test import RequestFactory

from devstack.settings import ROOT
from evergreen import logs
from shop.api.context import attach_context
from tests.unit.test_telemetry import added

SECRETS = ("ada@example.com", "evg_abc-123_x", "evk_0aB1cD", "Bearer abc.def")


def gunicorn_settings() -> dict:
    """The logging settings of gunicorn's configuration, which sets limits of this process when it is read."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))["logconfig_dict"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def line_of(name: str, text: str, *args: object, level: int = logging.INFO, **more: object) -> dict:
    """The line that the standard library's logging makes of this."""
    record = logging.getLogger(name).makeRecord(name, level, __file__, 1, text, args, more.get("exc_info"))
    vars(record).update({key: value for key, value in more.items() if key != "exc_info"})
    return json.loads(logs.json_lines().format(record))


def raised(error: Exception) -> tuple:
    try:
        try:
            raise KeyError("the secret of the cause")
        except KeyError as cause:
            raise error from cause
    except Exception as caught:
        return type(caught), caught, caught.__traceback__


def test_a_line_has_an_instant_a_level_and_what_happened():
    line = line_of("gunicorn.error", "Booting worker with pid: %s", 17)
    assert line.keys() == {"time", "level", "event", "logger"}
    assert (line["level"], line["event"]) == ("info", "Booting worker with pid: 17")
    assert line["time"].endswith("Z")


def test_a_library_is_quoted_without_the_values_in_its_sentence():
    assert line_of("somewhere", "cannot parse %s", "Ada Lovelace")["event"] == "cannot parse %s"


@pytest.mark.parametrize(
    ("text", "args", "event"),
    [
        ("Error handling request %s %s", ("GET", "/?name=Lovelace"), "Error handling request"),
        ("Invalid request from ip=1.2.3.4: Invalid header: Lovelace\nLovelace", (), "Invalid request"),
        ("Worker (pid:%s) was sent %s!", (17, "SIGKILL"), "Worker (pid:17) was sent SIGKILL!"),
    ],
)
def test_gunicorn_is_quoted_as_far_as_it_speaks_of_itself(text: str, args: tuple, event: str):
    assert line_of("gunicorn.error", text, *args)["event"] == event


def test_a_traceback_says_where_and_of_which_type_and_nothing_that_was_said():
    line = line_of("somewhere", "failed", exc_info=raised(ValueError("the secret of the error")), level=logging.ERROR)
    assert "the secret of" not in line["exception"].replace('KeyError("the secret of the cause")', "")
    assert line["exception"].index("KeyError\n") < line["exception"].index("ValueError")
    assert line["exception"].endswith("\nValueError")
    assert "test_logs.py" in line["exception"]


def test_a_failed_request_is_known_by_its_id_and_not_by_its_path():
    request = RequestFactory().get("/users/Lovelace/?q=Lovelace")
    request.META["HTTP_X_REQUEST_ID"], request.resolver_match = "5" * 32, None
    attach_context(request)
    line = line_of("django.request", "%s: %s", "Error", request.path, request=request, level=logging.ERROR)
    assert (line["event"], line["request_id"], line["route"]) == ("exception", "5" * 32, "none")
    assert "Lovelace" not in json.dumps(line)


@pytest.mark.parametrize("secret", SECRETS)
def test_addresses_and_tokens_are_taken_out_wherever_they_stand(secret: str):
    line = line_of("somewhere", f"about {secret}, that is")
    assert line["event"] == f"about {logs.REMOVED}, that is"


def test_what_ends_a_thread_is_a_line_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.catch_the_uncaught()
    logging.captureWarnings(False)
    with structlog.testing.capture_logs() as lines:
        thread = threading.Thread(target=lambda: 1 / 0, name="looking")
        thread.start()
        thread.join()
    assert [(line["event"], line["thread"], line["exc_info"][0]) for line in lines] == [
        ("thread ended", "looking", ZeroDivisionError)
    ]


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Logging as the API has it, with the lines that it queues."""
    lines: list[bytes] = []
    monkeypatch.setattr(logs.WRITER, "write", lines.append)
    before = structlog.get_config()
    logs.configure(settings.LOGGING)
    yield lines
    structlog.configure(**before)


def test_a_line_that_cannot_be_made_is_dropped_and_counted(configured):
    def log():
        structlog.get_logger().info("request", value=Unprintable())
        handler = logs.LineHandler()
        handler.setFormatter(logs.json_lines())
        handler.emit(logging.makeLogRecord({"name": "somewhere", "msg": "%d", "args": ("no number",)}))
        handler.emit(logging.makeLogRecord({"name": "somewhere", "msg": Unprintable()}))

    assert added(log, "evergreen_log_lines_dropped_total") == 3
    assert configured == []


def test_a_flush_of_the_log_writes_its_lines(monkeypatch: pytest.MonkeyPatch):
    flushed: list[float] = []
    monkeypatch.setattr(logs.WRITER, "flush", flushed.append)
    logs.LineHandler().flush()
    assert flushed == [logs.FLUSH_TIMEOUT_S]


def test_half_a_surrogate_pair_is_logged_all_the_same(configured):
    structlog.get_logger().info("request", reason="\ud800")
    assert json.loads(configured[0])["reason"] == "\ud800"


def test_a_line_that_fits_nowhere_is_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logs.WRITER, "_max_lines", 0)
    assert added(lambda: logs.WRITER.write(b"line\n"), "evergreen_log_lines_dropped_total") == 1


@pytest.mark.parametrize("logging_settings", [settings.LOGGING, gunicorn_settings()])
def test_every_handler_of_the_api_is_one_that_neither_raises_nor_blocks(logging_settings):
    classes = {handler["class"] for handler in logging_settings["handlers"].values()}
    assert classes == {"evergreen.logs.LineHandler"}


REQUEST_LINES = """
import django, structlog, sys
from evergreen import logs
django.setup()
logs.protect_standard_streams()
for number in range(20_000):
    structlog.get_logger().info("request", number=number)
print("printed by a library", file=sys.stderr)
sys.__stdout__.write("done")
"""


@pytest.mark.parametrize("has_reader", [True, False])
def test_a_process_whose_standard_error_takes_nothing_goes_on(has_reader: bool):
    reader, writer = os.pipe()
    if not has_reader:
        os.close(reader)
    try:
        command = [sys.executable, "-c", REQUEST_LINES]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "evergreen.settings"}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=writer, timeout=60)
    finally:
        os.close(writer)
        if has_reader:
            os.close(reader)
    assert (done.returncode, done.stdout) == (0, b"done")
