"""Calls of the OpenAPI document that follow each other: what one creates, others read, change and delete. What was
created is there, what was deleted is not, and no credentials or wrong ones do not get the same."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.generation.stateful import run_state_machine_as_test

from tests.system.document import CHECKS_OF_WALKS, CHECKS_OF_WALKS_OF_GUESTS, is_open_to_guests, schema

pytestmark = pytest.mark.prove
WALKS, STEPS = 15, 12
#: Hypothesis gives up a run in which the same choices led elsewhere: what there is to choose from is in the answers of
#: the shop, which walks before have changed.
TRIES = 5
WITHOUT_REPLAYS = settings(
    max_examples=WALKS,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("identity", ["anonymous", "customer", "staff"])
def test_a_walk_over_the_operations_finds_what_was_created_and_not_what_was_deleted(identity, stack, headers_of):
    failures: list[BaseException] = []

    class Walk(schema.as_state_machine()):
        def get_call_kwargs(self, case):
            return {"base_url": stack.base_url, "headers": headers_of(identity, case)}

        def validate_response(self, response, case, additional_checks=None, **kwargs):
            checks = CHECKS_OF_WALKS_OF_GUESTS if is_open_to_guests(case) else CHECKS_OF_WALKS
            try:
                case.validate_response(response, checks=checks, transport_kwargs=kwargs or None, recorder=self.recorder)
            except BaseException as failure:
                failures.append(failure)
                raise

    assert is_walked_to_the_end(Walk, failures)


def is_walked_to_the_end(walk, failures):
    """Whether one of the runs has tried all its walks. Raises what a check has found in any of them."""
    for _ in range(TRIES):
        try:
            run_state_machine_as_test(walk, settings=WITHOUT_REPLAYS)
        except FlakyStrategyDefinition:
            if failures:
                raise failures[0] from None
        else:
            return True
    return False
