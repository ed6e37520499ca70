"""All declarations, in the order of the reference."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from configuration import (
    accounts,
    alerting,
    autoscale,
    backups,
    containers,
    deployment,
    limits,
    payments,
    rate_limits,
    server,
    shop,
    stack,
)
from configuration.values import Values
from configuration.variable import Scope, Variable

Rule = Callable[[Values], str | None]

SECTIONS: Mapping[str, Sequence[Variable[Any]]] = {
    "The shop and its store": shop.VARIABLES,
    "Limits of an API process": limits.VARIABLES,
    "Rate limits": rate_limits.VARIABLES,
    "Accounts, unpaid purchases, mail and webhooks": accounts.VARIABLES,
    "Payments": payments.VARIABLES,
    "Backups": backups.VARIABLES,
    "gunicorn": server.VARIABLES,
    "The stack of `make run`": stack.VARIABLES,
    "Alerts": alerting.VARIABLES,
    "Autoscaling": autoscale.VARIABLES,
    "Compose: network": deployment.NETWORK,
    "Compose: data and memory": deployment.DATA,
    "Compose: monitoring": deployment.MONITORING,
    "Swarm": deployment.SWARM,
    "Compose: project and files": deployment.PROJECT,
    "Compose: images": deployment.IMAGES,
    "Set by Compose in its containers": containers.VARIABLES,
}
VARIABLES = tuple(variable for section in SECTIONS.values() for variable in section)
#: What must hold between several variables: a rule returns the fault, or None.
RULES: Mapping[Scope, Sequence[Rule]] = {
    Scope.GUNICORN: (server.enough_threads,),
    Scope.AUTOSCALE: (autoscale.bounds_in_order,),
    Scope.API: (accounts.origin_of_links, payments.account_at_stripe, backups.whole_credentials),
}
