"""What scripts reply of rate limits, as states and errors."""

from collections.abc import Sequence

from exactly_once.errors import RateLimited
from exactly_once.rate_limits import RateLimit, RateState


def settle(limits: Sequence[RateLimit], replies: Sequence[Sequence[int]]) -> None:
    """Hand each limit its state; a reply without states is of a call that was not charged.

    Raises:
        RateLimited: one of the limits refuses the call.
    """
    states = [RateState.read(reply) for reply in replies if reply]
    for limit, state in zip(limits, states, strict=bool(states)):
        limit.observe(state)
    refusals = [state.reset_s for state in states if not state.is_admitted]
    if refusals:
        raise RateLimited(max(refusals))
