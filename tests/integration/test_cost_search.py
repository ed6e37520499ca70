"""Search for costly inputs: every operation, as anonymous, customer and staff, in a store of 20,000 products."""

from collections.abc import Callable, Iterator
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import strategies as st

from shop.api.access import ACCESS, Identity
from tests.cost.fixtures import costly_shop
from tests.cost.inputs import Input, inputs
from tests.cost.meter import Cost
from tests.cost.shop import BODIES, Case, CostlyShop, costliest_input
from tests.integration.test_cost import OPERATIONS, is_within_bounds

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]

PRODUCTS = 20_000
#: Inputs that are tried for each operation and caller, and how often the costliest ones are tried again.
MAX_INPUTS, REPEATS = 8, 4
SEARCH = settings(
    max_examples=MAX_INPUTS,
    phases=[Phase.generate, Phase.target],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def costly(redis_stack) -> Iterator[CostlyShop]:
    with costly_shop(redis_stack, PRODUCTS) as shop:
        yield shop


def costliest(measure: Callable[[Input], Cost], given_inputs: st.SearchStrategy[Input]) -> list[Input]:
    """The costliest inputs that a search finds: of the API, and of the data nodes."""
    tried: list[tuple[Cost, Input]] = []

    @SEARCH
    @given(given_inputs)
    def search(one: Input) -> None:
        cost = measure(one)
        tried.append((cost, one))
        target(cost.api_ms, label="API")
        target(cost.redis_ms, label="Redis")

    search()
    return [max(tried, key=lambda each, by=by: by(each[0]))[1] for by in map(attrgetter, ("api_ms", "redis_ms"))]


def searched() -> list[tuple[str, Identity]]:
    """Each operation, as a caller who gets to its end, and as anonymous where that is one. What others send is refused
    as in test_cost.py, whatever it is."""
    admitted = {name: [each for each in Identity if each in ACCESS[name].roles] for name in OPERATIONS}
    last = [(name, roles[-1]) for name, roles in admitted.items()]
    return last + [(name, Identity.ANONYMOUS) for name, roles in admitted.items() if Identity.ANONYMOUS in roles[:-1]]


@pytest.mark.parametrize(("name", "identity"), searched())
def test_no_input_that_a_search_finds_is_costly(costly, name, identity):
    case = Case(operation=OPERATIONS[name], identity=identity)
    found = costliest(lambda one: costly.cost(case, one, 1), inputs(name, BODIES.get(name)))
    costs = [costly.cost(case, one, REPEATS) for one in (*found, costliest_input(OPERATIONS[name]))]
    print(case, *costs)
    assert all(is_within_bounds(cost, name) for cost in costs), list(zip(costs, found, strict=False))


def test_the_search_finds_an_input_that_is_costly():
    def measure(one: Input) -> Cost:
        return Cost(api_ms=float(len(one.body)), redis_ms=0.0)

    worst, _ = costliest(measure, inputs("users_create", BODIES["users_create"]))
    assert len(worst.body) > 10_000
