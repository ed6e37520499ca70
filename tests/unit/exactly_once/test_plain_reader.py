"""The reader in Python gives what hiredis gives, however the bytes arrive."""

from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import DefaultParser
from redis.exceptions import InvalidResponse, ResponseError

from exactly_once.plain_reader import MAX_DEPTH, PlainReader

INCOMPLETE = object()


def encoded(reply: Any) -> bytes:
    if isinstance(reply, list):
        return b"*%d\r\n" % len(reply) + b"".join(map(encoded, reply))
    if isinstance(reply, str):
        return b"$%d\r\n%b\r\n" % (len(reply.encode()), reply.encode())
    return b"$-1\r\n" if reply is None else b":%d\r\n" % reply


REPLIES = st.recursive(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(), lambda each: st.lists(each, max_size=4), max_leaves=12
)


def plain() -> PlainReader:
    return PlainReader(DefaultParser.parse_error, INCOMPLETE)


def read(reader: PlainReader | hiredis.Reader, data: bytes, size: int) -> list[object]:
    replies = []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (reply := reader.gets()) is not INCOMPLETE:
            replies.append(reply)
    assert not reader.has_data()
    return replies


@given(st.lists(REPLIES, min_size=1, max_size=4), st.integers(1, 40))
def test_replies_are_the_same_as_those_of_hiredis(replies, size):
    data = b"".join(map(encoded, replies))
    theirs = hiredis.Reader(encoding="utf-8", notEnoughData=INCOMPLETE)
    assert read(plain(), data, size) == read(theirs, data, size) == replies


def test_a_status_is_text_and_an_error_is_an_exception():
    status, error = read(plain(), b"+OK\r\n-ERR wrong\r\n", 3)
    assert (status, type(error), str(error)) == ("OK", ResponseError, "wrong")


@pytest.mark.parametrize("data", [b"HTTP/1.1 400\r\n", b":one\r\n", b"*1\r\n" * (MAX_DEPTH + 2)])
def test_what_is_no_reply_is_refused(data):
    reader = plain()
    reader.feed(data)
    with pytest.raises(InvalidResponse):
        reader.gets()
