"""Calls of the OpenAPI document that follow each other: what one creates, others read, change and delete. What was
created is there, what was deleted is not, and no credentials or wrong ones do not get the same."""

import pytest
from hypothesis import HealthCheck, settings
from schemathesis.generation.stateful import run_state_machine_as_test

from tests.system.document import CHECKS_OF_WALKS, CHECKS_OF_WALKS_OF_GUESTS, is_open_to_guests, schema

pytestmark = pytest.mark.prove
WALKS, STEPS = 15, 12


@pytest.mark.parametrize("identity", ["anonymous", "customer", "staff"])
def test_a_walk_over_the_operations_finds_what_was_created_and_not_what_was_deleted(identity, stack, headers_of):
    class Walk(schema.as_state_machine()):
        def get_call_kwargs(self, case):
            return {"base_url": stack.base_url, "headers": headers_of(identity, case)}

        def validate_response(self, response, case, additional_checks=None, **kwargs):
            checks = CHECKS_OF_WALKS_OF_GUESTS if is_open_to_guests(case) else CHECKS_OF_WALKS
            case.validate_response(response, checks=checks, transport_kwargs=kwargs or None, recorder=self.recorder)

    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
