"""The requests under which the shop is filled: the same for the same thing."""

import time

from exactly_once.requests import WriteRequest

#: Seconds that the store is given for one try.
DEADLINE_S = 10.0
#: Seconds that outcomes are remembered. Few, because they take memory: the id of what is made is what keeps it from
#: being made twice.
REMEMBER_S = 10


def seeding_request(name: str) -> WriteRequest:
    """The request for what has this name."""
    key = f"seed:{name}"
    deadline = time.monotonic() + DEADLINE_S
    return WriteRequest(id=key, idempotency_key=key, fingerprint=name, ttl_s=REMEMBER_S, deadline=deadline)
