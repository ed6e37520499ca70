from agents.starvation import CALM_S, MIN_DELAY_S, Starvation


def test_a_process_that_wakes_up_in_time_is_not_starved():
    starvation = Starvation()
    starvation.record(MIN_DELAY_S / 2, 10.0)
    assert not starvation.holds_at(10.0)


def test_starvation_lasts_from_a_delay_until_it_has_been_calm():
    starvation = Starvation()
    starvation.record(MIN_DELAY_S, 10.0)
    starvation.record(0.0, 11.0)
    assert starvation.holds_at(10.0 + CALM_S - 1)
    assert not starvation.holds_at(10.0 + CALM_S)
