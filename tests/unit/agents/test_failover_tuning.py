"""When a Sentinel's replicas are asked out of turn."""

from agents.failover_tuning import FRESH_INFO_MS, MAX_PRIMARY_SILENCE_MS, are_fresh, is_silent


def primary(milliseconds, flags="master"):
    return {"last-ok-ping-reply": str(milliseconds), "flags": flags}


def replica(milliseconds, flags="slave"):
    return {"info-refresh": str(milliseconds), "flags": flags}


def test_a_primary_that_answers_is_left_alone():
    assert not is_silent(primary(MAX_PRIMARY_SILENCE_MS))


def test_a_primary_that_has_stopped_answering_is_silent_until_it_is_found_down():
    assert is_silent(primary(MAX_PRIMARY_SILENCE_MS + 1, "master,disconnected"))
    assert not is_silent(primary(MAX_PRIMARY_SILENCE_MS + 1, "s_down,master,disconnected"))


def test_every_replica_that_can_be_asked_must_have_been():
    assert are_fresh([replica(FRESH_INFO_MS - 1), replica(0)])
    assert not are_fresh([replica(FRESH_INFO_MS), replica(0)])
    assert are_fresh([replica(90_000, "s_down,slave,disconnected"), replica(0)])
