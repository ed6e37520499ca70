from chaos.history import Call, CallKind, History


def a_write(ended, status=201):
    return Call(kind=CallKind.PURCHASE, method="POST", path="/purchases/", due=ended - 0.1, ended=ended, status=status)


def test_the_longest_pause_is_between_acknowledged_writes():
    history = History(calls=[a_write(1.0), a_write(2.0, status=503), a_write(3.5), a_write(4.0, status=409)])
    assert history.longest_pause == 2.5


def test_a_history_without_writes_has_no_pause():
    assert History().longest_pause == 0.0


def test_a_client_waits_from_when_its_request_was_due():
    assert round(a_write(5.0).seconds, 3) == 0.1


def test_every_call_is_a_line():
    assert History(calls=[a_write(1.0), a_write(2.0)]).as_lines().count(b"\n") == 2


def test_an_answer_that_is_no_json_has_no_code():
    call = a_write(1.0)
    call.answer = b"<html>"
    assert call.code == ""
