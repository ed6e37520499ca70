"""What `deploy/autoscale` and `python -m operations.autoscale` read."""

from configuration import parsing
from configuration.values import Values
from configuration.variable import Scope, Variable, where

MAX_INSTANCES = 64


def _instances(name: str, default: str, meaning: str) -> Variable[int]:
    return Variable(
        name=name,
        form=parsing.integer(1, MAX_INSTANCES),
        default=default,
        meaning=meaning,
        scopes=where(Scope.AUTOSCALE, Scope.COMPOSE),
    )


def _seconds(name: str, default: str, maximum: int, meaning: str) -> Variable[float]:
    return Variable(
        name=name,
        form=parsing.number(1, maximum),
        default=default,
        meaning=meaning,
        scopes=where(Scope.AUTOSCALE, Scope.COMPOSE),
        unit="s",
    )


MINIMUM = _instances("EVERGREEN_AUTOSCALE_MIN", "2", "API instances that there are at least.")
MAXIMUM = _instances(
    "EVERGREEN_AUTOSCALE_MAX",
    "6",
    "API instances that there are at most. deploy/compose.yml has addresses for 6.",
)
REQUESTS = Variable(
    name="EVERGREEN_AUTOSCALE_REQUESTS",
    form=parsing.number(0.1, 1000),
    default="3",
    meaning="Requests in work or waiting that one instance is to have, on average.",
    scopes=where(Scope.AUTOSCALE, Scope.COMPOSE),
    unit="requests",
)
CPU_PERCENT = Variable(
    name="EVERGREEN_AUTOSCALE_CPU_PERCENT",
    form=parsing.number(1, 6400),
    default="65",
    meaning="CPU that one instance is to take, on average. An instance of one process takes hardly more than one core.",
    scopes=where(Scope.AUTOSCALE, Scope.COMPOSE),
    unit="% of a core",
)
TOLERANCE_PERCENT = Variable(
    name="EVERGREEN_AUTOSCALE_TOLERANCE_PERCENT",
    form=parsing.number(0, 100),
    default="10",
    meaning="Deviation from either target at which the number of instances stays as it is.",
    scopes=where(Scope.AUTOSCALE, Scope.COMPOSE),
    unit="%",
)
UP_PERCENT = Variable(
    name="EVERGREEN_AUTOSCALE_UP_PERCENT",
    form=parsing.integer(1, 1000),
    default="100",
    meaning="Instances added in one step, as a share of those there are. The larger of this and the next one counts.",
    scopes=where(Scope.AUTOSCALE, Scope.COMPOSE),
    unit="%",
)
UP_COUNT = _instances("EVERGREEN_AUTOSCALE_UP_COUNT", "4", "Instances added in one step.")
DOWN_COUNT = _instances("EVERGREEN_AUTOSCALE_DOWN_COUNT", "1", "Instances removed in one step.")
UP_INTERVAL_S = _seconds("EVERGREEN_AUTOSCALE_UP_INTERVAL_S", "15", 3600, "Time from a step to the next addition.")
DOWN_INTERVAL_S = _seconds(
    "EVERGREEN_AUTOSCALE_DOWN_INTERVAL_S", "60", 3600, "Time from a step, up or down, to the next removal."
)
STABILIZATION_S = _seconds(
    "EVERGREEN_AUTOSCALE_STABILIZATION_S",
    "300",
    3600,
    "Time in which fewer instances must have been enough without a break before one is removed.",
)
POLL_S = _seconds("EVERGREEN_AUTOSCALE_POLL_S", "5", 60, "Time between two questions to Prometheus.")
WINDOW_S = _seconds(
    "EVERGREEN_AUTOSCALE_WINDOW_S",
    "15",
    300,
    "Time over which the signals are averaged. An instance without a sample in it counts as missing.",
)
PROMETHEUS = Variable(
    name="EVERGREEN_AUTOSCALE_PROMETHEUS",
    form=parsing.pattern(r"https?://[^/\s]+(/[^\s?#]*)?", "give a URL, as in http://127.0.0.1:9090"),
    default="http://127.0.0.1:9090",
    meaning="URL of Prometheus, as the autoscaler calls it.",
    scopes=where(Scope.AUTOSCALE),
)
VARIABLES = (
    MINIMUM,
    MAXIMUM,
    REQUESTS,
    CPU_PERCENT,
    TOLERANCE_PERCENT,
    UP_PERCENT,
    UP_COUNT,
    DOWN_COUNT,
    UP_INTERVAL_S,
    DOWN_INTERVAL_S,
    STABILIZATION_S,
    POLL_S,
    WINDOW_S,
    PROMETHEUS,
)


def bounds_in_order(values: Values) -> str | None:
    """The fault where the least number of instances is above the greatest, or None."""
    if values[MINIMUM] <= values[MAXIMUM]:
        return None
    return f"{MINIMUM.name} is {values[MINIMUM]}, above {MAXIMUM.name}, which is {values[MAXIMUM]}: lower it."
