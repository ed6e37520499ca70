"""What a server's words mean, as redis-py passes them on."""

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from exactly_once.errors import Indeterminate, NotExecuted, ScriptMissing
from exactly_once.server_errors import translate

REFUSALS = [
    "NOREPLICAS Not enough good replicas to write.",
    "READONLY You can't write against a read only replica.",
    "LOADING Valkey is loading the dataset in memory",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "MASTERDOWN Link with MASTER is down",
    "BUSY Valkey is busy running a script.",
]


def said(text):
    return translate(BaseParser.parse_error(text))


@pytest.mark.parametrize("text", REFUSALS)
def test_a_server_that_refuses_has_done_nothing_and_its_word_is_the_reason(text):
    fault = said(text)
    assert (type(fault), fault.reason) == (NotExecuted, text.split()[0].lower())


def test_a_server_without_a_free_connection_has_done_nothing():
    fault = said("ERR max number of clients reached")
    assert (type(fault), fault.reason) == (NotExecuted, "maxclients")


def test_a_server_without_the_script_gets_it():
    fault = said("NOSCRIPT No matching script.")
    assert (type(fault), fault.reason) == (ScriptMissing, "script_missing")


@pytest.mark.parametrize("error", [ConnectionError("gone"), TimeoutError("late")])
def test_what_was_sent_into_the_blue_may_have_been_done(error):
    fault = translate(error)
    assert isinstance(fault, Indeterminate)
    assert (type(fault), fault.reason) == (Indeterminate, "unclear")


def test_a_server_that_cannot_be_reached_has_a_reason_too():
    assert NotExecuted("10.0.0.1:6379: refused").reason == "unreachable"


def test_a_mistake_of_ours_stays_what_it_is():
    assert isinstance(said("WRONGTYPE Operation against a key"), ResponseError)
