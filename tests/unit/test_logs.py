"""What becomes of what the code, its libraries and its threads have to say."""

import json
import logging
import threading

import pytest
import structlog
from django.test import RequestFactory

from evergreen import logs
from shop.api.context import attach_context

SECRETS = ("ada@example.com", "evg_abc-123_x", "Bearer abc.def")


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
